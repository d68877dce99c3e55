import { Agent, createServer, request } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'

/** An alert as Alertmanager's API, version 2, takes it. */
export interface ApiAlert {
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

export const alertOf = (number: number): ApiAlert => ({
  labels: { alertname: 'bench', severity: 'warning', host: `host-${number}`, team: 'search' },
  annotations: { summary: `The latency of host-${number} is high` },
})

/** One call of the API. Resolves to the text of its answer. Rejects where it is no success. */
const call = (url: string, agent: Agent, body?: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const headers = { 'content-type': 'application/json' }
    const sent = request(url, { agent, headers, method: body === undefined ? 'GET' : 'POST' }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.once('error', reject)
      response.once('end', () => {
        const text = Buffer.concat(chunks).toString()
        if (response.statusCode === 200) resolve(text)
        else reject(new Error(`${url} answered ${response.statusCode}: ${text.slice(0, 200)}`))
      })
    })
    sent.once('error', reject)
    sent.end(body)
  })

export interface IntakeJob {
  readonly alerts: number
  readonly alertsPerPost: number
  readonly connections: number
}

/** Posts so many different alerts, and looks that all are there. Resolves to alerts a second. */
export const postAll = async (api: string, { alerts, alertsPerPost, connections }: IntakeJob): Promise<number> => {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const bodies = Array.from({ length: alerts / alertsPerPost }, (_, post) =>
    JSON.stringify(Array.from({ length: alertsPerPost }, (_each, at) => alertOf(post * alertsPerPost + at))),
  )
  try {
    const startMs = performance.now()
    const send = async () => {
      for (let body = bodies.pop(); body !== undefined; body = bodies.pop())
        await call(`${api}/api/v2/alerts`, agent, body)
    }
    await Promise.all(Array.from({ length: connections }, send))
    const seconds = (performance.now() - startMs) / 1_000
    const held = JSON.parse(await call(`${api}/api/v2/alerts`, agent)) as readonly unknown[]
    if (held.length !== alerts) throw new Error(`${held.length} of ${alerts} alerts are there`)
    return alerts / seconds
  } finally {
    agent.destroy()
  }
}

export interface NoticeJob {
  readonly alerts: number
  readonly alertsPerSecond: number
}

const noticeDeadlineMs = 60_000

/** A receiver of webhooks in Alertmanager's format. */
export const openReceiver = async () => {
  const cameMs = new Map<string, number>()
  const server = createServer((incoming, response) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.once('end', () => {
      const now = performance.now()
      const { alerts } = JSON.parse(Buffer.concat(chunks).toString()) as { alerts: readonly ApiAlert[] }
      for (const { labels } of alerts) if (!cameMs.has(labels['host'] ?? '')) cameMs.set(labels['host'] ?? '', now)
      response.end()
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    cameMs,
    close: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Posts one alert at a time at a steady rate. Resolves, when all notices have come, to the milliseconds from each post to its notice, sorted. */
export const noticeDelays = async (
  api: string,
  cameMs: ReadonlyMap<string, number>,
  { alerts, alertsPerSecond }: NoticeJob,
): Promise<readonly number[]> => {
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const sentMs = new Map<string, number>()
  try {
    const startMs = performance.now()
    const posts: Promise<unknown>[] = []
    for (let number = 0; number < alerts; number += 1) {
      const waitMs = startMs + (number * 1_000) / alertsPerSecond - performance.now()
      if (waitMs > 0) await pause(waitMs)
      const alert = alertOf(number)
      sentMs.set(alert.labels['host'] ?? '', performance.now())
      posts.push(call(`${api}/api/v2/alerts`, agent, JSON.stringify([alert])))
    }
    await Promise.all(posts)
    const deadlineMs = performance.now() + noticeDeadlineMs
    while (cameMs.size < alerts && performance.now() < deadlineMs) await pause(20)
    if (cameMs.size < alerts) throw new Error(`${cameMs.size} of ${alerts} notices came`)
    return [...sentMs].map(([host, ms]) => (cameMs.get(host) ?? NaN) - ms).sort((one, other) => one - other)
  } finally {
    agent.destroy()
  }
}
