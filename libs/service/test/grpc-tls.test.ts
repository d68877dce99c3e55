import { copyFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:tls'
import { credentials, status } from '@grpc/grpc-js'
import { silentLogger } from '@armature/telemetry/logger'
import { testTelemetry } from '@armature/telemetry/telemetry'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { openTls, type TlsFiles } from '../src/grpc-tls.ts'
import { serviceMetrics } from '../src/service-metrics.ts'
import { certificates } from './certificates.ts'
import { echoDefinition, openCaller } from './echo.ts'
import { useServers } from './grpc-servers.ts'

const { opened, open } = useServers()
let made: ReturnType<typeof certificates>
let ca: string
beforeAll(() => {
  made = certificates()
  ca = made.authority('ca')
  made.authority('other')
})
afterAll(() => made.remove())

const refreshMs = 20
const tlsOf = async (files: TlsFiles) => {
  const { metrics } = testTelemetry()
  const log = { ...silentLogger(), error: vi.fn() }
  const tls = await openTls(files, { log, metrics, refreshMs })
  opened.push(() => tls.close())
  const reloads = (outcome: 'taken' | 'refused') => metrics.value(serviceMetrics.tls_reloads_total, { outcome })
  return { tls, reloads, log }
}
const served = async (files: TlsFiles) => {
  const all = await tlsOf(files)
  const { server } = await open({ credentials: all.tls.serverCredentials() })
  return { ...all, server }
}
const callerOf = (address: string, channelCredentials = credentials.createSsl()) => {
  const caller = openCaller(address, {}, channelCredentials)
  opened.push(() => caller.close())
  return (text: string) => caller.call(echoDefinition, 'Say', { text }, { deadline: Date.now() + 3_000 })
}
const clientOf = async (address: string, files: TlsFiles) =>
  callerOf(address, (await tlsOf(files)).tls.channelCredentials())

/** Who the server says it is to a new connection. */
const subjectOf = (port: number): Promise<unknown> =>
  new Promise((resolve, reject) => {
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ALPNProtocols: ['h2'] }, () => {
      resolve(socket.getPeerCertificate().subject.CN)
      socket.destroy()
    })
    socket.on('error', reject)
  })

describe('a server with a certificate', () => {
  test('answers clients that trust its authority, and no others', async () => {
    const { server } = await served(made.issue('plain', { by: 'ca' }))
    const trusting = await clientOf(server.address, { caFile: ca })
    expect(await trusting('x')).toEqual({ text: 'x' })
    const worldly = await clientOf(server.address, {})
    await expect(worldly('x')).rejects.toMatchObject({ code: status.UNAVAILABLE })
    const wary = await clientOf(server.address, { caFile: made.path('other.pem') })
    await expect(wary('x')).rejects.toMatchObject({ code: status.UNAVAILABLE })
    await expect(callerOf(server.address, credentials.createInsecure())('x')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    })
  })

  test('and authorities demands a certificate of them', async () => {
    const { server } = await served({ ...made.issue('mutual', { by: 'ca' }), caFile: ca })
    const known = await clientOf(server.address, { caFile: ca, ...made.issue('client', { by: 'ca' }) })
    expect(await known('x')).toEqual({ text: 'x' })
    const nameless = await clientOf(server.address, { caFile: ca })
    await expect(nameless('x')).rejects.toMatchObject({ code: status.UNAVAILABLE })
    const stranger = await clientOf(server.address, { caFile: ca, ...made.issue('stranger', { by: 'other' }) })
    await expect(stranger('x')).rejects.toMatchObject({ code: status.UNAVAILABLE })
  })
})

describe('new files', () => {
  test('are in use soon, and no call under load fails', async () => {
    const { server, reloads } = await served(made.issue('rotated', { by: 'ca' }))
    let [failed, answered, busy] = [0, 0, true]
    const caller = async () => {
      while (busy) {
        // A connection a call: each sees the certificate of its moment.
        const say = await clientOf(server.address, { caFile: ca })
        await say('x').then(
          () => (answered += 1),
          () => (failed += 1),
        )
      }
    }
    const steady = await clientOf(server.address, { caFile: ca })
    const load = Promise.all(Array.from({ length: 4 }, caller))
    for (let round = 1; round <= 3; round += 1) {
      const { subject } = made.issue('rotated', { by: 'ca' })
      await vi.waitFor(async () => expect(await subjectOf(server.port)).toBe(subject), { timeout: 10_000 })
      expect(await steady('x')).toEqual({ text: 'x' })
      await vi.waitFor(() => expect(answered).toBeGreaterThan(round * 20), { timeout: 10_000 })
    }
    busy = false
    await load
    expect(failed).toBe(0)
    expect(reloads('taken')).toBeGreaterThanOrEqual(3)
  }, 60_000)

  test.each([
    { what: 'that are no certificate', spoil: (certFile: string) => writeFileSync(certFile, 'no') },
    {
      what: 'of another key',
      spoil: (certFile: string) => copyFileSync(made.issue('alien', { by: 'ca' }).certFile, certFile),
    },
  ])('$what are refused, counted and logged once; the old stay, and good ones are taken later', async ({ spoil }) => {
    const files = made.issue('kept', { by: 'ca' })
    const { server, reloads, log } = await served(files)
    await vi.waitFor(async () => expect(await subjectOf(server.port)).toBe(files.subject), { timeout: 10_000 })
    spoil(files.certFile)
    await vi.waitFor(() => expect(reloads('refused')).toBe(1), { timeout: 10_000 })
    expect(await subjectOf(server.port)).toBe(files.subject)
    const say = await clientOf(server.address, { caFile: ca })
    expect(await say('x')).toEqual({ text: 'x' })
    const { subject } = made.issue('kept', { by: 'ca' })
    await vi.waitFor(async () => expect(await subjectOf(server.port)).toBe(subject), { timeout: 10_000 })
    expect(log.error).toHaveBeenCalledTimes(reloads('refused'))
    expect(reloads('taken')).toBe(1)
  })

  test('of a client are what it shows next', async () => {
    const { server } = await served({ ...made.issue('strict', { by: 'ca' }), caFile: ca })
    const files = { caFile: ca, ...made.issue('guest', { by: 'other' }) }
    const { tls, reloads } = await tlsOf(files)
    await expect(callerOf(server.address, tls.channelCredentials())('x')).rejects.toMatchObject({
      code: status.UNAVAILABLE,
    })
    made.issue('guest', { by: 'ca' })
    await vi.waitFor(() => expect(reloads('taken')).toBe(1), { timeout: 10_000 })
    expect(await callerOf(server.address, tls.channelCredentials())('x')).toEqual({ text: 'x' })
  })
})

test.each([
  { what: 'a missing file', files: () => ({ certFile: made.path('nowhere.pem'), keyFile: made.path('ca.key') }) },
  { what: 'a certificate without its key', files: () => ({ certFile: ca }) },
  { what: 'a key of another certificate', files: () => ({ certFile: ca, keyFile: made.path('other.key') }) },
  { what: 'a certificate that is out of date', files: () => made.issue('late', { by: 'ca', days: -1 }) },
])('to begin with $what is a fault of the settings, which names the files', async ({ files }) => {
  const given = files()
  await expect(tlsOf(given)).rejects.toMatchObject({ exitCode: 78, message: expect.stringContaining(given.certFile) })
})
