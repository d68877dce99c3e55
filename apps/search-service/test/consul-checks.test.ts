import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type RunningConsul, startConsul } from '@armature/servers/consul'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'

const main = join(import.meta.dirname, '../src/main.ts')
const folder = mkdtempSync(join(tmpdir(), 'search-consul-checks-'))
const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
let consul: RunningConsul

beforeAll(async () => {
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key]
  const files = [...newKey, '-out', cert, '-days', '2', '-subj', '/CN=search.example']
  execFileSync('openssl', ['req', '-x509', ...files], { stdio: 'pipe' })
  consul = await startConsul()
}, serverDeadlineMs)
afterAll(async () => {
  await consul?.stop()
  rmSync(folder, { recursive: true, force: true })
}, 60_000)

const tls = { GRPC_TLS_CERT: cert, GRPC_TLS_KEY: key }

/** The agent's checks: that of the one instance of a test. */
const checks = async () => {
  const answer = await fetch(`${consul.url}/v1/agent/checks`)
  return Object.values((await answer.json()) as Record<string, { readonly ServiceID: string }>)
}
const forget = async () => {
  for (const { ServiceID } of await checks())
    await fetch(`${consul.url}/v1/agent/service/deregister/${ServiceID}`, { method: 'PUT' })
}

test.each([
  ['without TLS is checked by gRPC', {}, { Type: 'grpc', Output: /^gRPC check \S+: success$/ }],
  ['with TLS is checked by gRPC over TLS', tls, { Type: 'grpc', Output: /^gRPC check \S+: success$/ }],
  [
    'that asks clients for a certificate is checked by TCP',
    { ...tls, GRPC_TLS_CLIENT_CA: cert },
    { Type: 'tcp', Output: /^TCP connect \S+: Success$/ },
  ],
])(
  'an instance %s, and is critical when it is killed',
  { timeout: 120_000 },
  async (_name, settings, { Type, Output }) => {
    const env = { PATH: process.env['PATH'], STATSD_PORT: '0', XDG_STATE_HOME: folder, ...settings }
    const atConsul = { CONSUL_HTTP_ADDR: consul.url, CONSUL_CHECK_INTERVAL_MS: '500' }
    const program = startProgram(process.execPath, [main], { env: { ...env, ...atConsul } })
    onTestFinished(async () => {
      await program.kill()
      await forget()
    })
    await program.until(/gRPC\s+127\.0\.0\.1:\d+/, 60_000)
    const deadline = { timeout: 20_000, interval: 50 }
    const passing = { Type, Status: 'passing', Output: expect.stringMatching(Output) }
    await vi.waitFor(async () => expect(await checks()).toMatchObject([passing]), deadline)

    program.signal('SIGKILL')
    await vi.waitFor(async () => expect(await checks()).toMatchObject([{ Type, Status: 'critical' }]), deadline)
  },
)
