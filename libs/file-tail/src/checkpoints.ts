import { readFile, rename } from 'node:fs/promises'
import { replaceFile } from '@armature/durable-files/replace-file'
import * as z from 'zod'

const print = z.object({ bytes: z.int().min(0), sha256: z.string() })

const checkpoint = z.object({
  /** Stays with the lines of the file, whatever its name. */
  id: z.string().min(1),
  /** The name that it was first found by. */
  path: z.string(),
  /** The file that it was last found in. */
  target: z.string(),
  /** Device and inode. */
  key: z.string(),
  born: z.string().optional(),
  mark: z.object({ position: z.int().min(0), head: print, tail: print }),
  /** Since when no file was there. */
  missingSinceMs: z.number().optional(),
  /** Other contents have taken its place in the file. */
  isReplaced: z.boolean().optional(),
  /** It was read to its end after it had gone. */
  isFinished: z.boolean().optional(),
})

/** Up to where a file was read, and how it is recognised. */
export type Checkpoint = Readonly<z.infer<typeof checkpoint>>

const contents = z.object({ version: z.literal(1), files: z.array(checkpoint).readonly() })

export interface CheckpointFile {
  /** None where there is no such file. One that cannot be understood is set aside: files are then read from their beginning. */
  read(): Promise<readonly Checkpoint[]>
  /** Replaces all. Whenever the process ends, the old ones or the new are found; with `durable` also after a power cut. */
  write(checkpoints: readonly Checkpoint[]): Promise<void>
}

export interface CheckpointFileOptions {
  readonly path: string
  readonly durable: boolean
  readonly warn: (problem: string) => void
}

/** Checkpoints in a file of their own, which only its owner may read. Its folder must exist. */
export const createCheckpointFile = ({ path, durable, warn }: CheckpointFileOptions): CheckpointFile => ({
  read: async () => {
    const text = await readFile(path, 'utf8').catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
      throw error
    })
    if (text === undefined) return []
    const { data, error } = contents.safeParse(parsed(text))
    if (data !== undefined) return data.files
    const aside = `${path}.damaged`
    await rename(path, aside)
    warn(
      `the checkpoints of files are damaged (${error.issues[0]?.message}), now ${aside}: files are read from their beginning`,
    )
    return []
  },
  write: (files) =>
    replaceFile(path, JSON.stringify({ version: 1, files } satisfies z.infer<typeof contents>), { durable }),
})

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
