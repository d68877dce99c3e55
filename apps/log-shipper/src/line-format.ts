import type { FileLines } from '@armature/file-tail/file-tail'
import { criEntry } from './cri.ts'
import { containerOf } from './container-path.ts'

/** How lines stand in a file: as they are, or as container runtimes write them (CRI). */
export const lineFormats = ['auto', 'plain', 'cri'] as const
export type LineFormat = (typeof lineFormats)[number]

const lineFeed = 0x0a

/** The format of a file: `auto` goes by its path, else by the first line of what is given. */
export const formatOf = (format: LineFormat, { file, bytes }: Pick<FileLines, 'file' | 'bytes'>): 'plain' | 'cri' => {
  if (format !== 'auto') return format
  if (containerOf(file.path) !== undefined || containerOf(file.target) !== undefined) return 'cri'
  const end = bytes.indexOf(lineFeed)
  return criEntry(bytes, 0, end < 0 ? bytes.length : end) === undefined ? 'plain' : 'cri'
}
