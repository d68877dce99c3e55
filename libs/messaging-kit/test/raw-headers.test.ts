import fc from 'fast-check'
import { expect, test } from 'vitest'
import { headerName, wireText } from '../src/testing-fuzz-inputs.ts'
import { isToken } from '@armature/messaging/header-encoding'
import { carriedHeaders, nativeHeaders, restoredHeaders } from '@armature/messaging/raw-headers'

test('headers that no CloudEvent or not every broker can have are renamed, the others stay', () => {
  const headers = {
    source: 'my app',
    ce_id: 'x',
    'a b': '1',
    'nats-ttl': '1',
    Upper: 'u',
    plain: 'p',
    traceparent: 't',
  }
  expect(carriedHeaders(headers)).toEqual({
    'dlt-raw-source': 'my app',
    'dlt-raw-ce_id': 'x',
    'dlt-raw-a%20b': '1',
    'dlt-raw-nats-ttl': '1',
    'dlt-raw-upper': 'u',
    plain: 'p',
    traceparent: 't',
  })
})

test('what was renamed has its name again, unless the message cannot have it', () => {
  const carried = {
    'dlt-raw-source': 'my app',
    'dlt-raw-a%20b': '1',
    plain: 'p',
    'dlt-raw-id': ':/w==:',
    'dlt-raw-%zz': 'x',
  }
  expect(restoredHeaders(carried, (name) => name === 'source')).toEqual({
    'dlt-raw-source': 'my app',
    'a b': '1',
    plain: 'p',
    'dlt-raw-id': ':/w==:',
    'dlt-raw-%zz': 'x',
  })
  expect(restoredHeaders({ 'dlt-raw-a': '1', a: '2' }, () => false)).toEqual({ 'dlt-raw-a': '1', a: '2' })
})

test('bug: a renamed header whose name began with ~ was taken for a shortened one and never had its name again', () => {
  const headers = { '~ ': '', '~ a': 'b c', [`~${'\u6587'.repeat(100)}`]: 'long' }
  expect(restoredHeaders(carriedHeaders(headers), () => false)).toEqual(headers)
})

test('any headers can be carried, and most come back as they were', () => {
  fc.assert(
    fc.property(fc.dictionary(headerName, wireText, { maxKeys: 5 }), (headers) => {
      const carried = carriedHeaders(headers)
      for (const name in carried) expect(isToken(name) && name.length <= 255).toBe(true)
      if (Object.keys(headers).some((name) => name !== name.toLowerCase() || name.startsWith('dlt-raw-'))) return
      expect({ ...restoredHeaders(carried, () => false) }).toEqual({ ...headers })
    }),
    { numRuns: 1_000 },
  )
})

test('bytes that are no UTF-8 are written as these bytes again, as long as their text was not changed', () => {
  const headers = { own: '\ufffd\u0000', 'dlt-raw-own': ':/wA=:', 'dlt-raw-gone': ':/w==:' }
  expect({ ...nativeHeaders(headers) }).toEqual({ own: Buffer.of(255, 0), 'dlt-raw-gone': ':/w==:' })
  const edited = { ...headers, own: 'edited' }
  expect(nativeHeaders(edited)).toBe(edited)
})
