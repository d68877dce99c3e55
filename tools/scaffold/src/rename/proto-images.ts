import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const limitMs = 30_000

/** A compiled image of protos, with its names changed by way of its JSON form: its strings carry their lengths. Throws what buf says. */
export const renamedImage = (root: string, image: Buffer, rename: (text: string) => string): Buffer => {
  const folder = mkdtempSync(join(tmpdir(), 'scaffold-proto-'))
  const [binary, json] = [join(folder, 'image.binpb'), join(folder, 'image.json')]
  const convert = (from: string, to: string) =>
    execFileSync(join(root, 'node_modules/.bin/buf'), ['build', from, '-o', to], { timeout: limitMs, stdio: 'pipe' })
  try {
    writeFileSync(binary, image)
    convert(binary, json)
    writeFileSync(json, rename(readFileSync(json, 'utf8')))
    convert(json, binary)
    return readFileSync(binary)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
