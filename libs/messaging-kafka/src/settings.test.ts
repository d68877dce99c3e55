import { expect, test } from 'vitest'
import { MessagingUrlError } from '@armature/messaging/errors'
import { kafkaSettings } from './settings.ts'

test('a host alone has the defaults', async () => {
  expect(await kafkaSettings('kafka://h')).toEqual({
    hosts: [{ host: 'h', port: 9092 }],
    publishWaitMs: 30_000,
    connectWaitMs: 30_000,
    closeWaitMs: 5_000,
    tls: undefined,
    sasl: undefined,
    clientId: 'armature',
    partitions: 8,
    replicas: -1,
    partition: undefined,
    compression: 'none',
    maxMessageBytes: 1_000_000,
    sessionTimeoutMs: 30_000,
  })
})

test('everything can be said', async () => {
  const url =
    'kafka://al:s%40cret@h1:1,h2:2?tls=true&sasl=scram-sha-256&clientId=c&partitions=3&replicas=2&compression=gzip'
  expect(await kafkaSettings(`${url}&maxMessageBytes=10&partition=0&sessionTimeoutMs=6000`)).toMatchObject({
    hosts: [
      { host: 'h1', port: 1 },
      { host: 'h2', port: 2 },
    ],
    tls: {},
    sasl: { mechanism: 'scram-sha-256', username: 'al', password: 's@cret' },
    clientId: 'c',
    partitions: 3,
    replicas: 2,
    partition: 0,
    compression: 'gzip',
    maxMessageBytes: 10,
    sessionTimeoutMs: 6_000,
  })
})

test.each([
  ['kafka://h/topic', 'path'],
  ['kafka://h?sasl=plain', 'user'],
  ['kafka://al@h', 'password'],
  ['kafka://al:pw@h?sasl=gssapi', 'scram-sha-512'],
  ['kafka://h?compression=lz4', 'gzip'],
  ['kafka://h?partitions=0', '1 or more'],
  ['kafka://h?replicas=0', '1 or more'],
  ['kafka://h?nothing=1', 'compression'],
])('%s is refused with what to do', async (url, remedy) => {
  const refused = kafkaSettings(url)
  await expect(refused).rejects.toThrow(MessagingUrlError)
  await expect(refused).rejects.toThrow(remedy)
  await expect(refused).rejects.not.toThrow('pw@')
})
