import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { amtool } from '@armature/servers/clients'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { type Program, startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const { PATH, HOME } = process.env
let folder: string
let tool: string
let monitor: Program
let url: string

beforeAll(async () => {
  tool = await amtool()
  folder = await mkdtemp(join(tmpdir(), 'amtool-'))
  const env = { PATH, HOME: folder, STATSD_PORT: '0', ALERTS_STATE_FILE: join(folder, 'alerts.json') }
  monitor = startProgram(process.execPath, [main, '--api-port=0'], { env })
  const [, found = ''] = await monitor.until(/API +(http:\S+)/)
  url = found
}, serverDeadlineMs)

afterAll(async () => {
  await monitor.kill()
  await rm(folder, { recursive: true, force: true })
})

const run = (...args: string[]) =>
  execute(tool, [`--alertmanager.url=${url}`, ...args], { deadlineMs: 20_000, env: { PATH, HOME: folder } })
const own = (...args: string[]) =>
  execute(process.execPath, [main, ...args, `--url=${url}`], { deadlineMs: 20_000, env: { PATH, HOME } })

describe('amtool', { timeout: 60_000 }, () => {
  test('adds an alert and lists it; adds, queries and expires a silence, which keeps the alert quiet', async () => {
    await run('alert', 'add', 'alertname=disk', 'host=a', '--annotation=summary=full')
    expect(await run('alert', 'query')).toMatch(/disk .*full .*active/)
    const added = await run('silence', 'add', 'host=~a|b', '--comment=swap', '--duration=1h', '--author=ann')
    // Before the id amtool warns that its version is another one.
    const id = added.trim().split('\n').at(-1) ?? ''
    expect(await run('silence', 'query')).toMatch(new RegExp(`${id} +host=~"a\\|b".* ann +swap`))
    expect(await run('alert', 'query', '--active')).not.toContain('disk')
    expect(await run('alert', 'query', '--silenced')).toContain('disk')
    await run('silence', 'update', id, '--duration=2h', '--comment=swap again')
    await run('silence', 'expire', id)
    expect(await run('silence', 'query')).not.toContain(id)
    expect(await run('alert', 'query', 'alertname=disk')).toContain('active')
  })

  test('our own commands do the same', async () => {
    await run('alert', 'add', 'alertname=cpu', 'host=b')
    const [alert] = (await own('alerts', 'alertname=cpu', '--format=json')).trim().split('\n')
    const { fingerprint } = JSON.parse(alert ?? '') as { fingerprint: string }
    const id = (await own('silence', 'add', 'alertname="cpu"', '--for=30m', '--comment=test')).trim()
    expect(await own('silence')).toMatch(new RegExp(`${id} +active .*alertname="cpu" +test`))
    expect(await own('alerts', '--no-quiet', 'alertname=cpu')).not.toContain(fingerprint)
    await own('silence', 'expire', id)
    expect(await own('alerts', '--no-quiet')).toContain(fingerprint)
    expect(await own('claim', fingerprint, '--owner=ann', '--note=on it', '--for=2h')).toMatch(/ann .*on it/)
    expect(await own('alerts')).toMatch(new RegExp(`${fingerprint} +active +\\S+ +ann `))
    await own('claim', fingerprint, '--release')
    expect(await own('claim')).not.toContain(fingerprint)
  })

  test.each([
    [['silence', 'add'], 64, /MATCHER/],
    [['silence', 'add', 'x'], 64, /is no matcher/],
    [['silence', 'add', 'a=~".*"'], 64, /every alert/],
    [['silence', 'expire', 'none'], 64, /nothing is known by "none"/],
    [['silence', 'burn'], 64, /silence knows no burn/],
    [['claim', 'none'], 64, /there is no alert "none"/],
    [['alerts', '{{'], 64, /is no matcher/],
  ])('%j ends with %d and says why', async (args, code, why) => {
    const program = startProgram(process.execPath, [main, ...args, `--url=${url}`], { env: { PATH, HOME } })
    expect(await program.ended()).toEqual({ code, signal: null })
    expect(program.output()).toMatch(why)
  })

  test('a monitor that is not there ends with 69 and what to do', async () => {
    const program = startProgram(process.execPath, [main, 'alerts', '--url=http://127.0.0.1:1'], {
      env: { PATH, HOME },
    })
    expect(await program.ended()).toEqual({ code: 69, signal: null })
    expect(program.output()).toMatch(/cannot be reached.*--api-port/)
  })
})
