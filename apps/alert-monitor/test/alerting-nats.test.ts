import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDriver } from '@armature/messaging-drivers/open'
import { bodyJson } from '@armature/messaging/message'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startNats } from '@armature/servers/nats'
import { startProgram, type Program } from '@armature/servers/program'
import { openServer, status } from '@armature/webhook/testing-http-server'
import { afterEach, describe, expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const { PATH } = process.env
const programs: Program[] = []

afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))

const world = async () => {
  const server = await startNats()
  onTestFinished(() => server.stop())
  const folder = await mkdtemp(join(tmpdir(), 'alerting-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { url: hook, seen } = await openServer(status(200))
  const config = join(folder, 'alerts.yaml')
  await writeFile(
    config,
    `
global: { allow_networks: ['127.0.0.0/8'] }
route: { receiver: hook, group_by: ['...'], group_wait: 0s, group_interval: 1s }
receivers: [{ name: hook, webhook_configs: [{ url: '${hook}' }] }]
`,
  )
  const start = async () => {
    const env = { PATH, HOME: folder, STATSD_PORT: '0', MESSAGING_URL: server.url }
    const program = startProgram(process.execPath, [main, '--api-port=0', '--alerts-config', config], { env })
    programs.push(program)
    const [, api = ''] = await program.until(/API +(http:\S+)/, 30_000)
    return { program, api }
  }
  return { server, start, hooks: () => seen.map(({ body }) => namesOf(JSON.parse(body))).flat() }
}

const namesOf = ({ alerts }: { alerts: { status: string; labels: Record<string, string> }[] }): readonly string[] =>
  alerts.map((alert) => `${alert.labels['alertname']} ${alert.status}`)

/** Whether the API has accepted it. */
const post = async (api: string, name: string): Promise<boolean> => {
  const request = { method: 'POST', headers: { 'content-type': 'application/json' } }
  const body = JSON.stringify([{ labels: { alertname: name } }])
  const response = await fetch(`${api}/api/v2/alerts`, { ...request, body }).catch(() => undefined)
  return response?.ok === true
}

/** What the server keeps of the topics of alerts: `name status`. */
const topics = async (url: string): Promise<{ readonly told: string[] }> => {
  const driver = await openDriver(url.replace('nats:', 'jetstream:'))
  onTestFinished(() => driver.close())
  const told: string[] = []
  await driver.subscribe(
    'alerts.>',
    (delivery) => {
      const { name, status: state } = bodyJson(delivery) as { name: string; status: string }
      told.push(`${name} ${state}`)
      return Promise.resolve()
    },
    { from: 'earliest' },
  )
  return { told }
}

describe.skipIf(skipped('nats'))('monitors over one NATS server', { timeout: serverDeadlineMs }, () => {
  test('of two that know an alert one tells its topic and its receiver, and a silence of one holds for both', async () => {
    const { server, start, hooks } = await world()
    const [one, two] = await Promise.all([start(), start()])
    const heard = await topics(server.url)
    expect(await Promise.all([one, two].map(({ api }) => post(api, 'disk')))).toEqual([true, true])
    await expect.poll(hooks, { timeout: 20_000 }).toEqual(['disk firing'])
    await expect.poll(() => heard.told, { timeout: 20_000 }).toEqual(['disk firing'])
    const silence = {
      matchers: [{ name: 'alertname', value: 'cpu', isRegex: false }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      ...{ createdBy: 'test', comment: '' },
    }
    const headers = { 'content-type': 'application/json' }
    await fetch(`${one.api}/api/v2/silences`, { method: 'POST', headers, body: JSON.stringify(silence) })
    const silences = async () => (await (await fetch(`${two.api}/api/v2/silences`)).json()) as unknown[]
    await expect.poll(silences, { timeout: 20_000 }).toHaveLength(1)
    await post(two.api, 'cpu')
    await post(two.api, 'memory')
    await expect.poll(hooks, { timeout: 20_000 }).toContain('memory firing')
    expect(hooks()).toEqual(['disk firing', 'memory firing'])
    await expect.poll(() => heard.told.length, { timeout: 20_000 }).toBe(3)
  })

  test('monitors and a server that are killed lose no alert that was accepted', async () => {
    const { server, start, hooks } = await world()
    const accepted: string[] = []
    for (let round = 0; round < 4; round += 1) {
      const { program, api } = await start()
      const names = Array.from({ length: 10 }, (_, number) => `alert-${round}-${number}`)
      const posts = names.map(async (name) => (await post(api, name)) && accepted.push(name))
      // In turn: the monitor goes when all is accepted, while it is accepted, or after the server went.
      if (round % 3 !== 1) await Promise.all(posts)
      if (round % 3 === 2) await server.crash()
      await program.kill()
      await Promise.all(posts)
      if (round % 3 === 2) await server.restart()
    }
    await start()
    const heard = await topics(server.url)
    const missed = (told: readonly string[]) => accepted.filter((name) => !told.includes(`${name} firing`))
    await expect.poll(() => missed(heard.told), { timeout: 120_000 }).toEqual([])
    await expect.poll(() => missed(hooks()), { timeout: 120_000 }).toEqual([])
    expect(accepted.length).toBeGreaterThanOrEqual(30)
  })
})
