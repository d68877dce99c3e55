import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'

const folder = fileURLToPath(new URL('.', import.meta.url))

/** Runs ES module source in a Node of its own, which is killed at the end of the test. */
export const program = (source: string, env: Record<string, string> = {}): ChildProcessWithoutNullStreams => {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source], { cwd: folder, env })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  return child
}

/** The output of a program, and its exit code. */
export const outcome = async (child: ChildProcessWithoutNullStreams) => {
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
