import { formatHostPort } from '@armature/async/host-port'
import { durationMs, text } from '@armature/config/settings'
import { srvResolver } from '@armature/discovery/srv-resolver'
import { command } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import * as z from 'zod'
import { again } from './again.ts'

const settings = z.object({
  server: text()
    .optional()
    .meta({ description: "DNS server to ask, ADDRESS:PORT (none = the machine's)", env: 'PROBE_DNS_SERVER' }),
  withinMs: durationMs({ min: 1 }).default(1).meta({
    description: 'How long to ask again until there is an answer, in milliseconds',
    flag: 'within',
    env: 'PROBE_WITHIN_MS',
  }),
})

/** `armature-probe resolve NAME`: prints the addresses of its SRV records as a JSON list of HOST:PORT, in order. */
export const resolveCommand = command({
  summary: 'Print the addresses of the SRV records of a name as JSON',
  settings,
  positionals: { usage: 'NAME', min: 1, max: 1 },
  run: async ({ server, withinMs }, { positionals: [name = ''], stdout, signal }) => {
    const resolver = srvResolver({ nameOf: (service) => service, servers: server === undefined ? undefined : [server] })
    const instances = await again(() => resolver.resolve(name), withinMs, signal)
    stdout.write(`${JSON.stringify(instances.map(({ host, port }) => formatHostPort(host, port)).toSorted())}\n`)
    return exitCodes.ok
  },
})
