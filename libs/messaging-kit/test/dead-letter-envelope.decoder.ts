import assert from 'node:assert/strict'
import fc from 'fast-check'
import { readEnvelope, withoutEnvelope, writeEnvelope } from '@armature/messaging/dead-letter-envelope'
import { dialects } from '@armature/messaging/dead-letter-dialects'
import { carriedHeaders, restoredHeaders } from '@armature/messaging/raw-headers'
import { anyText, headerName, headerText } from '../src/testing-fuzz-inputs.ts'

const names = dialects.flatMap(({ marks, owns }) => [...marks, ...owns.map((name) => name.replace('*', 'offset'))])
const more = [
  'kafka_dlt-original-partition',
  'kafka_dlt-original-timestamp',
  'mt-fault-timestamp',
  'nservicebus.timeoffailure',
]
const value = fc.oneof(
  headerText,
  anyText,
  fc.constantFrom(
    '99999999999999999999',
    '-1',
    '[{"count":1e400,"time":"9999-99-99T"}]',
    '[[[]]]',
    '[null]',
    '2026-01-31 23:59:59:123456 Z',
  ),
)

/** Headers of dead letters in the dialects of all writers. */
export const inputs = fc.dictionary(fc.oneof(fc.constantFrom(...names, ...more), headerName), value, { maxKeys: 8 })

export const check = (headers: Record<string, string>) => {
  const envelope = readEnvelope(headers)
  if (envelope !== undefined) {
    for (const count of [envelope.attempts, envelope.deliveries, envelope.redrives, envelope.position?.offset])
      assert.ok(count === undefined || Number.isSafeInteger(count))
    assert.ok(envelope.failedAt === undefined || !Number.isNaN(envelope.failedAt.getTime()))
    JSON.stringify(envelope)
  }
  const own = withoutEnvelope(headers)
  for (const name in own) assert.equal(own[name], headers[name])
  const carried = carriedHeaders(headers)
  for (const name in carried) assert.match(name, /^[\w!#$%&'*+.^`|~-]+$/)
  restoredHeaders(carried, () => false)
  const facts = {
    topic: 't',
    handler: 'h',
    reason: 'r',
    error: 'e',
    message: 'm',
    stack: '',
    attempts: 1,
    deliveries: 1,
  }
  const times = { time: new Date(0), firstFailureMs: Number(headers['dlt-first-failure-time']), lastFailureMs: 0 }
  const back = readEnvelope({ ...own, ...writeEnvelope({ ...facts, ...times }) })
  assert.equal(back?.writer, 'armature')
}
