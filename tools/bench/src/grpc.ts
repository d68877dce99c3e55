import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { type Client, credentials, loadPackageDefinition, type ServiceClientConstructor } from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { compare, table, timed } from './compare.ts'

const calls = 10_000
const callsAtOnce = 64

type Echo = Client & { Echo(text: { text: string }, done: (error: Error | null) => void): void }

/** A unary echo over loopback, server and client in processes of their own, on a processor each where there are two. */
export const grpc = async (): Promise<string> => {
  const servers: ChildProcess[] = []
  try {
    const contenders = []
    for (const name of ['armature', 'grpc-js', 'nestjs']) {
      const { process: server, port } = await startServer(name)
      servers.push(server)
      const client = connect(port)
      contenders.push({ name: labels[name] ?? name, run: () => timed(calls, () => load(client)) })
    }
    return table(`gRPC echo, ${calls.toLocaleString('en')} calls, ${callsAtOnce} at once`, await compare(contenders))
  } finally {
    for (const server of servers) server.kill('SIGKILL')
  }
}

const labels: Record<string, string> = { armature: 'Armature', 'grpc-js': 'bare @grpc/grpc-js', nestjs: 'NestJS' }

const startServer = async (name: string): Promise<{ process: ChildProcess; port: number }> => {
  const main = fileURLToPath(new URL('grpc-echo.ts', import.meta.url))
  const server = spawn(process.execPath, [main, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  const lines = createInterface({ input: server.stdout })
  const [line] = (await Promise.race([once(lines, 'line'), once(server, 'exit').then(() => [''])])) as [string]
  if (line === '') throw new Error(`the echo server '${name}' ended before it printed its port`)
  return { process: server, port: Number(line) }
}

const connect = (port: number): Echo => {
  const definitions = loadSync(fileURLToPath(new URL('echo.proto', import.meta.url)))
  const bench = loadPackageDefinition(definitions)['bench'] as unknown as { Echo: ServiceClientConstructor }
  return new bench.Echo(`127.0.0.1:${port}`, credentials.createInsecure()) as unknown as Echo
}

const load = async (client: Echo): Promise<void> => {
  let left = calls
  const caller = async () => {
    while (left-- > 0)
      await new Promise<void>((resolve, reject) =>
        client.Echo({ text: 'hello' }, (error) => (error === null ? resolve() : reject(error))),
      )
  }
  await Promise.all(Array.from({ length: callsAtOnce }, caller))
}
