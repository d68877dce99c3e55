import { expect, onTestFinished, test } from 'vitest'
import { callsProbe, type CallCounts } from '../src/calls-probe.ts'
import { cliImage } from '../src/images.ts'
import { countOf } from '../src/index-count.ts'
import { jsonIn, startProbe } from '../src/probe.ts'
import { until } from '../src/until.ts'
import { explained, onlyPod, release, space } from '../src/world.ts'

const stallSeconds = 2

/** Holds what searches read, as a migration in the wrong hour does. */
const stallTheDatabase = async () => {
  const { metadata } = await onlyPod('postgres')
  const sql = `BEGIN; LOCK thing, thing_part IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep(${stallSeconds}); COMMIT`
  const psql = ['psql', '--host=127.0.0.1', '--username=armature', '--quiet', `--command=${sql}`, 'armature']
  await space.kubectl(['exec', metadata.name, '--container=postgres', '--', ...psql])
}

test('a stall of the database becomes an alert on NATS and a handled reaction', async () => {
  const calls = await startProbe(space, callsProbe({ perSecond: 20, seconds: 600 }))
  const alerts = await startProbe(space, {
    name: 'alerts',
    image: cliImage,
    args: ['tap', '-t', 'alerts.search-stall', '--count', '1', '--format', 'json'],
    env: { MESSAGING_URL_FILE: `/etc/secrets/${release}-nats/url` },
    secrets: [`${release}-nats`],
    labels: { 'armature/client-of': 'nats' },
  })
  onTestFinished(async () => void (await Promise.all([calls.remove(), alerts.remove()])))
  await Promise.all([calls.said('times a second'), alerts.running()])
  const since = new Date().toISOString()
  const reaction = `body.handler:"log-alert" AND body.alert:"search-stall" AND body.status:firing AND @timestamp:["${since}" TO *]`
  // The monitor calls nothing a stall before it has seen how long searches take, so there is one after the other.
  const handled = until(
    'reactor has handled the alert',
    async () => {
      await stallTheDatabase()
      return (await countOf(reaction)) > 0
    },
    240_000,
  )
  await explained(handled)
  expect(jsonIn<{ topic: string }>(await alerts.output()).topic).toBe('alerts.search-stall')
  expect(jsonIn<CallCounts>(await calls.stop()).failures).toEqual({})
})
