/** The bytes that compressed files begin with, as rotation makes them. */
const magics = {
  gzip: [0x1f, 0x8b],
  zstd: [0x28, 0xb5, 0x2f, 0xfd],
  xz: [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00],
  bzip2: [0x42, 0x5a, 0x68],
} as const

/** How a file that begins with these bytes is compressed; undefined where it is not. */
export const compressionOf = (bytes: Uint8Array): string | undefined =>
  Object.entries(magics).find(([, magic]) => magic.every((byte, index) => bytes[index] === byte))?.[0]

/** The names that rotation gives to compressed files. */
export const compressedName = /\.(?:gz|zst|xz|bz2)$/
