import { openHttpServer } from '@armature/service/http-server'
import { onTestFinished } from 'vitest'
import { answerApi } from '../src/api/api-v2.ts'
import { readAlertsPlan } from '../src/dispatch/alerts-config.ts'
import { type AlertingOptions, openAlertingWorld } from './alerting-world.ts'

/** An alert manager on a driven clock behind its API. Closed with the test. */
export const openApiWorld = async (options: AlertingOptions = {}) => {
  const world = await openAlertingWorld(options)
  const faults: unknown[] = []
  const { clock, manager } = world
  const server = await openHttpServer({
    host: '127.0.0.1',
    port: 0,
    answersTo: () => true,
    answer: answerApi({
      manager,
      plan: readAlertsPlan(options.config ?? '', 'alerts.yaml'),
      nowMs: () => clock.now(),
      startedAtMs: clock.now(),
    }),
    onFault: (fault) => faults.push(fault),
  })
  onTestFinished(() => server.close())
  const url = `http://127.0.0.1:${server.port}`
  const ask = async (
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<{ readonly status: number; readonly headers: Headers; readonly body: never }> => {
    const response = await fetch(`${url}${path}`, {
      method,
      headers: { ...(body !== undefined && { 'content-type': 'application/json' }), ...headers },
      ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: (text === '' ? '' : JSON.parse(text)) as never }
  }
  return { ...world, url, faults, ask, iso: (inMs: number) => new Date(clock.now() + inMs).toISOString() }
}
