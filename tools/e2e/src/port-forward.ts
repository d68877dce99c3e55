import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { until } from './until.ts'
import { space } from './world.ts'

/** Does some work with an address of this machine that leads to a port of a Service's pod, as kubectl forwards it. */
export const withPortForward = async <Result>(
  service: string,
  port: number,
  work: (address: string) => Promise<Result>,
): Promise<Result> => {
  const args = ['--namespace', space.namespace, 'port-forward', `service/${service}`, `:${port}`]
  const kubectl = spawn('kubectl', args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const ended = once(kubectl, 'close')
  let said = ''
  for (const stream of [kubectl.stdout, kubectl.stderr]) stream.on('data', (bytes: Buffer) => (said += String(bytes)))
  try {
    const address = await until(`kubectl forwards the port of ${service}`, async () => {
      if (kubectl.exitCode !== null) throw new Error(said)
      return /Forwarding from (127\.0\.0\.1:\d+)/.exec(said)?.[1]
    })
    return await work(address)
  } finally {
    kubectl.kill()
    await ended
  }
}
