import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort } from '@armature/servers/free-port'
import { goInstall } from '@armature/servers/go'
import { startNats } from '@armature/servers/nats'
import { startProgram } from '@armature/servers/program'
import { type IntakeJob, type NoticeJob, noticeDelays, openReceiver, postAll } from './alerts-load.ts'
import { compare, spreadOf, table, written } from './compare.ts'
import { meterOf } from './processor-time.ts'
import { residentMebibytes } from './resident-memory.ts'

const rounds = 5
const readyDeadlineMs = 60_000
const main = fileURLToPath(new URL('../../../apps/alert-monitor/src/main.ts', import.meta.url))
const { PATH, HOME } = process.env

interface Running {
  readonly api: string
  readonly pid: number
  stop(): Promise<unknown>
}

interface Party {
  readonly name: string
  /** More fields of its webhook. */
  readonly webhook: Readonly<Record<string, unknown>>
  /** Starts it with nothing in it. `config` is a file in Alertmanager's format, `folder` is for its state. */
  start(config: string, folder: string): Promise<Running>
}

interface Cost {
  readonly millisecondsOfProcessor: number
  readonly mebibytes: number
}

/** Alerts that come in by the API, and how long one takes to its webhook: alert-monitor beside Alertmanager. */
export const alerts = async (): Promise<string> => {
  const parties = [inFile, inJetstream, await alertmanager()]
  const one = { alerts: 5_000, alertsPerPost: 1, connections: 32 }
  const hundred = { alerts: 20_000, alertsPerPost: 100, connections: 8 }
  const steady = { alerts: 2_000, alertsPerSecond: 200 }
  return [
    await intake('5,000 alerts, one a POST, 32 connections', parties, one),
    await intake('20,000 alerts, 100 a POST, 8 connections', parties, hundred),
    await notices('2,000 alerts at 200/s, each its own group, to a webhook', parties, steady),
  ].join('\n')
}

const inFile: Party = {
  name: 'alert-monitor, state in a file',
  webhook: { allow_networks: ['127.0.0.0/8'] },
  start: (config, folder) => startMonitor('memory:', config, folder),
}

const inJetstream: Party = {
  ...inFile,
  name: 'alert-monitor, state in JetStream',
  start: async (config, folder) => {
    const server = await startNats()
    const running = await startMonitor(server.url.replace(/^nats:/, 'jetstream:'), config, folder)
    return { ...running, stop: () => running.stop().finally(() => server.stop()) }
  },
}

const startMonitor = async (messagingUrl: string, config: string, folder: string): Promise<Running> => {
  const state = { MESSAGING_URL: messagingUrl, ALERTS_STATE_FILE: join(folder, 'alerts.json') }
  const env = { PATH, HOME: folder, STATSD_PORT: '0', ...state }
  const flags = ['--api-port=0', `--alerts-config=${config}`, '--max-alerts=50000', '--log-level=warn']
  const program = startProgram(process.execPath, [main, ...flags], { env, cwd: folder })
  const [, api = ''] = await program.until(/API +(http:\S+)/, readyDeadlineMs)
  return { api, pid: program.pid, stop: () => program.kill() }
}

/** It keeps alerts in memory only. */
const alertmanager = async (): Promise<Party> => {
  const path = await goInstall('github.com/prometheus/alertmanager/cmd/alertmanager', 'v0.31.1', 'alertmanager')
  return {
    name: 'Alertmanager 0.31.1, alerts in memory',
    webhook: {},
    start: async (config, folder) => {
      const address = `127.0.0.1:${await freePort()}`
      const flags = [`--config.file=${config}`, `--storage.path=${folder}`, `--web.listen-address=${address}`]
      const program = startProgram(path, [...flags, '--cluster.listen-address='], { env: { PATH, HOME }, cwd: folder })
      await program.until(/Listening on/, readyDeadlineMs)
      return { api: `http://${address}`, pid: program.pid, stop: () => program.kill() }
    },
  }
}

/** Runs `work` with a party that has nothing yet. */
const withParty = async <Result>(
  { start, webhook }: Party,
  webhookUrl: string,
  work: (running: Running) => Promise<Result>,
): Promise<Result> => {
  const folder = await mkdtemp(join(tmpdir(), 'bench-alerts-'))
  try {
    const config = join(folder, 'config.yaml')
    await writeFile(config, configOf(webhookUrl === '' ? [] : [{ ...webhook, url: webhookUrl }]))
    const running = await start(config, folder)
    try {
      return await work(running)
    } finally {
      await running.stop()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** JSON is YAML. */
const configOf = (webhooks: readonly object[]): string =>
  JSON.stringify({
    route: { receiver: 'bench', group_by: ['...'], group_wait: '0s', group_interval: '5m', repeat_interval: '4h' },
    receivers: [{ name: 'bench', webhook_configs: webhooks }],
  })

const costOf = async (
  pid: number,
  work: () => Promise<number>,
): Promise<{ readonly rate: number; readonly cost: Cost }> => {
  const meter = meterOf(pid)
  const beforeMs = meter()
  const rate = await work()
  return { rate, cost: { millisecondsOfProcessor: meter() - beforeMs, mebibytes: residentMebibytes(pid) } }
}

const intake = async (title: string, parties: readonly Party[], job: IntakeJob): Promise<string> => {
  const costs = new Map<string, Cost[]>()
  const results = await compare(
    parties.map((party) => ({
      name: party.name,
      run: () =>
        withParty(party, '', async ({ api, pid }) => {
          const { rate, cost } = await costOf(pid, () => postAll(api, job))
          costs.set(party.name, [...(costs.get(party.name) ?? []), cost])
          return rate
        }),
    })),
    rounds,
  )
  const rows = parties.map(({ name }) => {
    const own = (costs.get(name) ?? []).slice(1)
    const microseconds = spreadOf(own.map((cost) => (cost.millisecondsOfProcessor * 1_000) / job.alerts))
    return `| ${name} | ${written(microseconds, 0)} | ${written(spreadOf(own.map(({ mebibytes }) => mebibytes)), 0)} |`
  })
  return [table(title, results), '| | µs of CPU an alert | MiB resident |', '| --- | --- | --- |', ...rows, ''].join(
    '\n',
  )
}

const notices = async (title: string, parties: readonly Party[], job: NoticeJob): Promise<string> => {
  const delays = new Map(parties.map(({ name }) => [name, [] as (readonly number[])[]]))
  for (let round = 0; round < rounds; round += 1)
    for (const party of parties) {
      const receiver = await openReceiver()
      try {
        const found = await withParty(party, receiver.url, ({ api }) => noticeDelays(api, receiver.cameMs, job))
        delays.get(party.name)?.push(found)
      } finally {
        receiver.close()
      }
    }
  const rows = [...delays].map(([name, found]) => {
    const at = (share: number) => spreadOf(found.map((each) => each[Math.floor(each.length * share)] ?? NaN))
    return `| ${name} | ${written(at(0.5), 1)} | ${written(at(0.99), 1)} |`
  })
  return [`### ${title}`, '', '| | p50, ms | p99, ms |', '| --- | --- | --- |', ...rows, ''].join('\n')
}
