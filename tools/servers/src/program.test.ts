import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { groupMembers } from './process-group.ts'
import { logged, startOnTerminal, startProgram, type Program } from './program.ts'

const started: Program[] = []
const node = (script: string): Program => {
  const program = startProgram(process.execPath, ['-e', script])
  started.push(program)
  return program
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((program) => program.kill()))
})

test('waits for what the program writes, also when it wrote it before', async () => {
  const program = node('console.log("port 41"); setInterval(() => {}, 1000)')
  expect((await program.until(/port (\d+)/))[1]).toBe('41')
  expect((await program.until(/port/)).index).toBe(0)
})

test('a program that ends without the text is an error that shows its output', async () => {
  await expect(node('console.error("bad flag"); process.exit(64)').until(/ready/)).rejects.toThrow(
    /ended \(code 64\) without \/ready\/; it wrote:\nbad flag/,
  )
})

test('a text that does not come is an error at the deadline', async () => {
  await expect(node('setInterval(() => {}, 1000)').until(/ready/, 100)).rejects.toThrow('within 100 ms')
})

test('reports the exit code, the signal, and reads stdin', async () => {
  const echo = node(
    'process.stdin.on("data", (d) => process.stdout.write(d)); process.stdin.on("end", () => process.exit(7))',
  )
  echo.write('hello')
  await echo.until(/hello/)
  echo.closeInput()
  expect(await echo.ended()).toEqual({ code: 7, signal: null })
  const stopped = node('setInterval(() => {}, 1000); console.log("up")')
  await stopped.until(/up/)
  stopped.signal('SIGTERM')
  expect(await stopped.ended()).toEqual({ code: null, signal: 'SIGTERM' })
})

test('a program that does not end is killed at the deadline', async () => {
  const program = node('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000)')
  await expect(program.ended(200)).rejects.toThrow('did not end within 200 ms')
  await vi.waitFor(() => expect(groupMembers(program.pid)).toEqual([]))
})

test('kill ends what the program started too', async () => {
  const program = node(
    `require('node:child_process').spawn(process.execPath, ['-e', 'console.log("inner"); setInterval(() => {}, 1000)'], { stdio: 'inherit' })`,
  )
  await program.until(/inner/)
  expect(groupMembers(program.pid)).toHaveLength(2)
  await program.kill()
  await vi.waitFor(() => expect(groupMembers(program.pid)).toEqual([]))
})

test('a program ends with the process that started it, even when that is killed, with all that it started', async () => {
  const script = `import { startProgram } from '${import.meta.dirname}/program.ts'
    const sleeper = startProgram('/bin/sh', ['-c', '/bin/sleep 61 & echo on; wait'])
    const over = startProgram('/bin/sh', ['-c', 'exit'])
    await Promise.all([sleeper.until(/on/), over.ended()])
    console.log('pid', sleeper.pid); setInterval(() => {}, 1000)`
  const starter = startProgram(process.execPath, ['--input-type=module', '-e', script])
  started.push(starter)
  const pid = Number((await starter.until(/pid (\d+)/))[1])
  expect(groupMembers(pid)).toHaveLength(2)
  starter.signal('SIGKILL')
  await vi.waitFor(() => expect(groupMembers(pid)).toEqual([]))
})

test('what a program writes goes to the log too, and only that of programs started within', async () => {
  const room = await mkdtemp(join(tmpdir(), 'program-'))
  try {
    const path = join(room, 'log')
    const inside = await logged(path, async () => node('console.log("inside"); console.error("too")'))
    const outside = node('console.log("outside")')
    await Promise.all([inside.ended(), outside.ended()])
    expect((await readFile(path, 'utf8')).split('\n').sort()).toEqual(['', 'inside', 'too'])
  } finally {
    await rm(room, { recursive: true })
  }
})

test('a program that is not there is an error', async () => {
  const missing = startProgram('/no/such/program', [])
  await expect(missing.until(/ready/, 5_000)).rejects.toThrow('ENOENT')
})

test('on a terminal, Ctrl-C is typed', async () => {
  const script =
    'process.on("SIGINT", () => process.exit(9)); setInterval(() => {}, 1000); process.stdout.write(`tty ${process.stdin.isTTY}`)'
  const program = startOnTerminal(`exec '${process.execPath}' -e '${script}'`)
  started.push(program)
  await program.until(/tty true/)
  program.write('\x03')
  expect((await program.ended()).code).toBe(9)
})
