import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterEach, expect, test } from 'vitest'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'

const reactor = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const alertMonitor = fileURLToPath(new URL('../../alert-monitor/src/main.ts', import.meta.url))

const programs: Program[] = []
afterEach(async () => {
  await Promise.all(programs.splice(0).map((program) => program.kill()))
})

/** A program in a shell of its own. */
const start = (main: string, url: string, ...args: string[]): Program => {
  const { PATH, HOME } = process.env
  const env = { PATH, HOME, STATSD_PORT: '0', MESSAGING_URL: url }
  const program = startProgram(process.execPath, [main, ...args], { env })
  programs.push(program)
  return program
}

// A platform without alert-monitor has nobody to send.
test.skipIf(skipped('nats') || !existsSync(alertMonitor))(
  'over NATS alert-monitor send in one shell reaches listen --count 1 and a reactor handler in two others',
  async () => {
    const url = await serverUrl('nats')
    const name = uniqueName('shells')
    const topic = `alerts.${name}`
    const handler = start(reactor, url, `--group=${name}`)
    const listener = start(alertMonitor, url, 'listen', `--on=${topic}`, '--count=1')
    await handler.until(/waits for messages on alerts\.>/)
    await listener.until(new RegExp(`listening on ${topic}`))

    const alert = JSON.stringify({ status: 'firing', name, severity: 'critical', summary: `${name} is on fire` })
    const sender = start(alertMonitor, url, 'send', `--on=${topic}`, alert)
    expect(await sender.ended(), sender.output()).toEqual({ code: 0, signal: null })

    await handler.until(new RegExp(`"handler":"log-alert".*"alert":"${name}","status":"firing".*${name} is on fire`))
    expect(await listener.ended(), listener.output()).toEqual({ code: 0, signal: null })
    expect(listener.output()).toContain(alert)
    handler.signal('SIGTERM')
    expect(await handler.ended(), handler.output()).toEqual({ code: 0, signal: null })
  },
  serverDeadlineMs,
)
