import { formatHostPort, parseHostPort } from '@armature/async/host-port'
import { choice, durationMs, text } from '@armature/config/settings'
import { createConsulClient } from '@armature/discovery/consul-client'
import { DiscoveryError } from '@armature/discovery/ports'
import { srvResolver } from '@armature/discovery/srv-resolver'
import { parseTarget } from '@armature/discovery/target'
import { command, type ConfigOf } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { table } from '@armature/service/table'
import { credentials } from '@grpc/grpc-js'
import * as z from 'zod'
import { diagnose, type Finding, healthCall, numeric } from './diagnosis.ts'
import { openClientTls, serverSettings } from './search-server.ts'

const settings = z.object({
  ...serverSettings,
  address: text()
    .default('consul:///search-service')
    .meta({ description: 'Service to examine: consul:///SERVICE?tag=TAG', env: 'SEARCH_ADDRESS' }),
  consulDns: text()
    .optional()
    .meta({ description: "Consul's DNS, HOST:PORT (none = port 8600 of the agent)", env: 'CONSUL_DNS_ADDR' }),
  format: choice(['text', 'json']).default('text').meta({ description: 'Format of the output', env: 'SEARCH_FORMAT' }),
  timeoutMs: durationMs({ min: 1 })
    .default(5_000)
    .meta({ description: 'Timeout of each health call, in milliseconds', flag: 'timeout', env: 'SEARCH_TIMEOUT_MS' }),
})

/** Those who know of an instance disagree. */
const disagreement = 1

/** `armature-search doctor`: whether Consul's health API, Consul's DNS and the instances themselves say the same. */
export const doctorCommand = command({
  summary: "Compare what Consul's health API, Consul's DNS and each instance itself say",
  settings,
  run: async (asked, { stdout }) => {
    const findings = await examined(asked)
    const sick = findings.filter(({ problem }) => problem !== undefined)
    const agrees = findings.length > 0 && sick.length === 0
    stdout.write(asked.format === 'json' ? `${JSON.stringify({ agrees, instances: findings })}\n` : tableOf(findings))
    if (agrees) return exitCodes.ok
    if (findings.length === 0) throw unavailable(`there is no instance of ${asked.address}`, 'Start one')
    const reasons = sick.map(({ address, problem }) => `${address} ${problem}`).join('; ')
    throw new ServiceError(`${sick.length} of ${findings.length} instances: ${reasons}`, {
      exitCode: disagreement,
      fix: 'One that was just started or killed: ask again after its check interval. DNS names three at most unless the agent has dns_config { enable_truncate = true }',
    })
  },
})

const unavailable = (message: string, fix: string) =>
  new ServiceError(message, { exitCode: exitCodes.unavailable, fix })

const examined = async (asked: ConfigOf<typeof settings>): Promise<readonly Finding[]> => {
  const { consulHttpAddr, consulDns, tlsServerName, timeoutMs } = asked
  if (consulHttpAddr === undefined) {
    throw new ServiceError('no Consul agent is named', {
      exitCode: exitCodes.usage,
      fix: 'Name it by --consul-http-addr HOST:PORT (env CONSUL_HTTP_ADDR)',
    })
  }
  const tls = await openClientTls(asked)
  const consul = createConsulClient({ ...asked, consulHttpAddr })
  const call = {
    credentials: tls?.channelCredentials() ?? credentials.createInsecure(),
    channel: tlsServerName === undefined ? {} : { 'grpc.ssl_target_name_override': tlsServerName },
    timeoutMs,
  }
  try {
    const target = parseTarget(asked.address)
    if (target.by !== 'consul health' && target.by !== 'consul DNS') {
      throw new ServiceError(`${asked.address} is not found by Consul`, {
        exitCode: exitCodes.usage,
        fix: 'Name a service as --address consul:///SERVICE',
      })
    }
    const { service, tag } = target
    const named = consulDns ?? (target.by === 'consul DNS' ? target.server : new URL(consul.address).hostname)
    const server = parseHostPort(named, { defaultPort: 8600 })
    if ('problem' in server) {
      throw new ServiceError(`Consul's DNS cannot be at ${JSON.stringify(named)}: ${server.problem}`, {
        exitCode: exitCodes.usage,
        fix: 'Name it by --consul-dns HOST:PORT (env CONSUL_DNS_ADDR)',
      })
    }
    const nameOf = () => `${tag === undefined ? '' : `${tag}.`}${service}.service.consul`
    const dns = srvResolver({ nameOf, servers: [formatHostPort(await numeric(server.host), server.port)] })
    return await diagnose({ consul, dns, service, tag, call: (address) => healthCall(address, call) })
  } catch (error) {
    if (!(error instanceof DiscoveryError)) throw error
    throw unavailable(error.message, 'Check --address, --consul-http-addr and --consul-dns')
  } finally {
    tls?.close()
    consul.close()
  }
}

const tableOf = (findings: readonly Finding[]): string =>
  table([
    ['INSTANCE', 'HEALTH API', 'DNS', 'CALL', 'VERDICT'],
    ...findings.map(({ address, healthApi, dns, call, problem = 'ok' }) => [address, healthApi, dns, call, problem]),
  ])
