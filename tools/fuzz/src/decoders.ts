import { globSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Decoder } from './decoder.ts'

const suffix = '.decoder.ts'

/** The files of all decoders below the root of the workspace, by name. They lie in the tests of their projects. */
export const decoderFiles = (root: string): ReadonlyMap<string, string> =>
  new Map(
    globSync(`{apps,libs,tools}/*/test/*${suffix}`, { cwd: root })
      .sort()
      .map((path) => [basename(path, suffix), join(root, path)]),
  )

/** The decoder of a file. Throws where it does not export what it should. */
export const loadDecoder = async (file: string): Promise<Decoder> => {
  const { inputs, check } = (await import(pathToFileURL(file).href)) as Partial<Decoder>
  if (inputs === undefined || typeof check !== 'function') throw new Error(`${file} does not export inputs and check`)
  return { inputs, check }
}
