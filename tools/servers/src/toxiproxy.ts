import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { goInstall } from './go.ts'
import { accepts, serverOf, startReady } from './running.ts'
import type { RunningServer, ServerKind, StartOptions } from './server.ts'

/** Its url is that of its HTTP API, by which tests make proxies and spoil them. It forgets them at a crash. */
export const startToxiproxy = async ({ env = process.env }: StartOptions = {}): Promise<RunningServer> => {
  const program = await goInstall('github.com/Shopify/toxiproxy/v2/cmd/server', 'v2.12.0', 'toxiproxy-server', env)
  const data = await mkdtemp(join(tmpdir(), 'toxiproxy-test-'))
  const port = await freePort()
  return serverOf(`http://127.0.0.1:${port}`, data, () =>
    startReady(program, ['-host', '127.0.0.1', '-port', String(port)], {
      env,
      cwd: data,
      ready: () => accepts(port),
      deadlineMs: 30_000,
    }),
  )
}

/** Toxiproxy, which stands between a client and a server and delays, cuts or drops what passes. */
export const toxiproxy: ServerKind = {
  name: 'toxiproxy',
  variable: 'TOXIPROXY_URL',
  remedy: 'put toxiproxy-server on PATH, or install Go 1.24 or newer',
  container: {
    // The last one on Docker Hub; its API is the same.
    image: 'shopify/toxiproxy:2.1.4',
    port: 8474,
    ready: /API HTTP server starting/,
    url: (host, port) => `http://${host}:${port}`,
  },
  start: startToxiproxy,
}
