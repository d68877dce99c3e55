import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '@armature/servers/program'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'

const main = join(import.meta.dirname, '../src/main.ts')
const service = fileURLToPath(import.meta.resolve('@armature/search-service/main'))
let folder: string
let program: Program | undefined
const path = (name: string) => join(folder, name)
const openssl = (...args: readonly string[]) => execFileSync('openssl', args, { cwd: folder, stdio: 'pipe' })
const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tls-test-'))
  openssl('req', '-x509', ...key, '-days', '2', '-subj', '/CN=ca', '-keyout', 'ca.key', '-out', 'ca.pem')
  writeFileSync(path('names'), 'subjectAltName=DNS:search.example\n')
  for (const name of ['server', 'client']) {
    openssl('req', '-new', ...key, '-subj', `/CN=${name}`, '-keyout', `${name}.key`, '-out', `${name}.csr`)
    const sign = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2', '-extfile', 'names']
    openssl('x509', '-req', '-in', `${name}.csr`, ...sign, '-out', `${name}.pem`)
  }
})
afterEach(() => program?.kill())
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const env = { PATH: process.env['PATH'], STATSD_PORT: '0' }
const ask = (...args: readonly string[]) =>
  new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
    execFile(
      process.execPath,
      [main, 'find', '--monitor', ...args],
      { env, timeout: 60_000 },
      (error, stdout, stderr) => resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
    )
  })

test('the service and its command speak TLS, each with a certificate', { timeout: 120_000 }, async () => {
  const flags = ['cert', 'key'].map(
    (kind) => `--grpc-tls-${kind}=${path(kind === 'cert' ? 'server.pem' : 'server.key')}`,
  )
  program = startProgram(process.execPath, [service, ...flags, `--grpc-tls-client-ca=${path('ca.pem')}`], { env })
  const [, address = ''] = await program.until(/gRPC\s+(127\.0\.0\.1:\d+)/, 60_000)
  const trusting = ['--address', address, '--tls-ca', path('ca.pem'), '--tls-server-name', 'search.example']
  const known = ['--tls-cert', path('client.pem'), '--tls-key', path('client.key')]
  expect(await ask(...trusting, ...known)).toEqual({ code: 0, stdout: '0\n', stderr: '' })
  for (const args of [
    trusting,
    ['--address', address],
    ['--address', address, '--tls'],
    [...trusting.slice(0, 4), ...known],
  ]) {
    expect(await ask(...args)).toMatchObject({ code: 69, stdout: '', stderr: expect.stringContaining('UNAVAILABLE') })
  }
  expect(await ask(...trusting, '--tls-cert', path('client.pem'))).toMatchObject({ code: 78, stdout: '' })
})
