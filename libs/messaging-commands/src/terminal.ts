import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import type { CommandIo } from '@armature/service/command'
import { usageError } from './broker-command.ts'

/** Whether a person is at it. */
export const isTerminal = (stream: unknown): boolean =>
  typeof stream === 'object' && stream !== null && 'isTTY' in stream && stream.isTTY === true

type Asked = Pick<CommandIo, 'stdin' | 'stderr' | 'signal'>

/** Asks on the terminal; only `y` and `yes` agree. No answer, such as Ctrl-C, does not. */
export const agrees = async (question: string, { stdin, stderr, signal }: Asked): Promise<boolean> => {
  const asking = createInterface({ input: stdin, output: stderr })
  try {
    const answer = await asking.question(question, { signal })
    return /^y(es)?$/i.test(answer.trim())
  } catch {
    return false
  } finally {
    asking.close()
  }
}

/**
 * Lets a person change the text in an editor (a command line) on this terminal. Undefined: it is as it was. Rejects with ServiceError (64)
 * for what is no text and for an editor that fails.
 */
export const editText = async (before: Uint8Array, editor: string): Promise<Uint8Array | undefined> => {
  if (!Buffer.from(Buffer.from(before).toString()).equals(before))
    throw usageError('the body is no text in UTF-8', 'Give the new body by --body FILE')
  const folder = await mkdtemp(join(tmpdir(), 'letter-'))
  try {
    const file = join(folder, 'body')
    await writeFile(file, before, { mode: 0o600 })
    const code = await new Promise<number | null>((resolve, reject) => {
      const child = spawn('/bin/sh', ['-c', `${editor} "$1"`, 'sh', file], { stdio: 'inherit' })
      child.once('error', reject)
      child.once('close', resolve)
    })
    if (code !== 0) throw usageError(`the editor ended with ${code ?? 'a signal'}`, 'Nothing was changed: try again')
    const after = await readFile(file)
    return after.equals(before) ? undefined : after
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
