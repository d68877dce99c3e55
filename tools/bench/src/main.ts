import { parseArgs } from 'node:util'

const benches: Record<string, () => Promise<string>> = {
  bus: async () => (await import('./bus.ts')).bus(),
  memory: async () => (await import('./memory.ts')).memory(),
  grpc: async () => (await import('./grpc.ts')).grpc(),
  brokers: async () => (await import('./brokers.ts')).brokers(),
  aggregate: async () => (await import('./aggregate.ts')).aggregate(),
  search: async () => (await import('./search.ts')).search(),
  shipper: async () => (await import('./shipper.ts')).shipper(),
  capacity: async () => (await import('./capacity.ts')).capacity(),
  anomaly: async () => (await import('./anomaly.ts')).anomaly(),
  alerts: async () => (await import('./alerts.ts')).alerts(),
  reactor: async () => (await import('./reactor.ts')).reactor(),
  start: async () => (await import('./start.ts')).start(),
}

const usage = `npm run bench -- [${Object.keys(benches).join(' | ')}]...   (default: all)\n`
const { positionals, values } = parseArgs({
  allowPositionals: true,
  strict: false,
  options: { help: { type: 'boolean', short: 'h' } },
})
const unknown = positionals.filter((name) => !(name in benches))
if (values['help'] === true) process.stdout.write(usage)
else if (unknown.length > 0) {
  process.stderr.write(`no such bench: ${unknown.join(', ')}\n${usage}`)
  process.exitCode = 64
} else
  for (const name of positionals.length > 0 ? positionals : Object.keys(benches)) {
    process.stderr.write(`${name} ...\n`)
    const bench = benches[name]
    if (bench !== undefined) process.stdout.write(`${await bench()}\n`)
  }
