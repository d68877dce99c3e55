import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { fixtureMain, startChild, startFixture } from './child.ts'

vi.setConfig({ testTimeout: 60_000 })

const ctrlC = '\x03'
const ready = /waits for calls/
const steps = (text: string): readonly string[] => [...text.matchAll(/step ([a-z ]+)/g)].map(([, step]) => step ?? '')
const drained = ['start', 'deregister', 'stop intake', 'finish', 'flush', 'close']

/** A command on a terminal of its own, as `script` of bsdutils makes one. */
const onTerminal = (command: string, env: Record<string, string> = {}) =>
  startChild('script', ['--quiet', '--return', '--command', command, '/dev/null'], { stdin: 'pipe', env })

/** A folder of its own, gone afterwards. */
const inFolder = async (use: (folder: string) => Promise<void>): Promise<void> => {
  const folder = await mkdtemp(join(tmpdir(), 'service-test-'))
  try {
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('Ctrl-C on a terminal drains and exits with 0', async () => {
  const child = onTerminal(`exec ${process.execPath} ${fixtureMain}`)
  await child.says(ready)
  child.process.stdin?.write(ctrlC)
  expect(await child.exit).toEqual({ code: 0, signal: null })
  expect(steps(child.stdout())).toEqual(drained)
})

test('Ctrl-C held down on a terminal is one request while it lasts less than half a second', async () => {
  const child = onTerminal(`exec ${process.execPath} ${fixtureMain}`)
  await child.says(ready)
  child.process.stdin?.write(ctrlC.repeat(5))
  expect(await child.exit).toEqual({ code: 0, signal: null })
  expect(steps(child.stdout())).toEqual(drained)
})

test('Ctrl-C under node --watch, which passes it on a second time, drains', async () => {
  const child = onTerminal(`exec ${process.execPath} --watch ${fixtureMain}`)
  await child.says(ready)
  child.process.stdin?.write(ctrlC)
  await child.exit
  expect(steps(child.stdout())).toEqual(drained)
})

test('a restart under node --watch drains first', async () => {
  await inFolder(async (folder) => {
    const main = join(folder, 'main.mts')
    const source = `import ${JSON.stringify(fixtureMain)}\n`
    await writeFile(main, source)
    const child = startChild(process.execPath, ['--watch', main])
    await child.says(ready)
    await writeFile(main, `${source}// changed\n`)
    await expect.poll(() => steps(child.stderr()), { timeout: 20_000 }).toEqual([...drained, 'start'])
  })
})

test('a terminal that goes away drains, and nothing is left', async () => {
  await inFolder(async (folder) => {
    const [pid, output] = [join(folder, 'pid'), join(folder, 'stderr')]
    const child = onTerminal(`echo $$ >${pid}; exec ${process.execPath} ${fixtureMain} 2>${output}`)
    const written = () => readFile(output, 'utf8').catch(() => '')
    await expect.poll(written, { timeout: 20_000 }).toMatch(ready)
    const service = Number(await readFile(pid, 'utf8'))
    try {
      child.process.kill('SIGKILL')
      await expect.poll(async () => steps(await written()), { timeout: 20_000 }).toEqual(drained)
      await expect.poll(() => isAlive(service), { timeout: 20_000 }).toBe(false)
    } finally {
      if (isAlive(service)) process.kill(service, 'SIGKILL')
    }
  })
})

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('readers that go away take nothing with them', async () => {
  const child = startFixture()
  await child.says(ready)
  child.process.stdout?.destroy()
  child.process.stderr?.destroy()
  child.process.kill('SIGTERM')
  expect(await child.exit).toEqual({ code: 0, signal: null })
})
