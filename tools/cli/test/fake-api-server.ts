import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { authority, certificate } from '@armature/servers/certificates'

export interface Body {
  readonly kind?: string
  readonly metadata?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> }
  readonly type?: string
  readonly stringData?: Readonly<Record<string, string>>
  readonly data?: Readonly<Record<string, string>>
}

/** Answers a request in place of the server: `hang` never does, `cut` closes the connection. */
export type Answer = 'hang' | 'cut' | readonly [status: number, body: object]

/** An API server over HTTPS that keeps Secrets, as far as get, create, replace and delete go. */
export interface FakeApiServer {
  /** Path of a kubeconfig with one context, `fake`. */
  readonly kubeconfig: string
  readonly url: string
  /** Secrets by `NAMESPACE/NAME`, with their values. */
  readonly secrets: Map<string, Record<string, string>>
  readonly bodies: Body[]
  /** `METHOD path` of each request. */
  readonly requests: string[]
  /** Decides before each request whether another answer is given. */
  intercept: (request: string) => Answer | undefined
  close(): Promise<void>
}

export const status = (code: number, reason: string, message: string): Answer => [
  code,
  { kind: 'Status', apiVersion: 'v1', status: 'Failure', reason, message, code },
]

const token = 'token-of-the-test'

export const startFakeApiServer = async (): Promise<FakeApiServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'fake-api-'))
  const by = authority(folder, 'authority')
  const paths = certificate(folder, 'server', by, 'IP:127.0.0.1')
  const secrets = new Map<string, Record<string, string>>()
  const requests: string[] = []
  const bodies: Body[] = []
  const fake = { intercept: (_request: string): Answer | undefined => undefined }

  const reply = (response: ServerResponse, [code, body]: readonly [number, object]) => {
    response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  }

  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const asked = `${request.method} ${request.url}`
    requests.push(asked)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    if (request.headers.authorization !== `Bearer ${token}`) return status(401, 'Unauthorized', 'Unauthorized')
    const body = /^(?:POST|PUT)$/.test(request.method ?? '')
      ? (JSON.parse(Buffer.concat(chunks).toString()) as Body)
      : undefined
    if (body !== undefined) bodies.push(body)
    const other = fake.intercept(asked)
    if (other !== undefined) return other
    const [, namespace = '', name] =
      /^\/api\/v1\/namespaces\/([^/]+)\/secrets(?:\/([^/?]+))?$/.exec(request.url ?? '') ?? []
    if (body !== undefined && name === undefined) {
      const place = `${namespace}/${body.metadata?.name}`
      if (secrets.has(place)) return status(409, 'AlreadyExists', `secrets "${place}" already exists`)
      secrets.set(place, { ...body.stringData })
      return [201, {}]
    }
    const place = `${namespace}/${name}`
    const found = secrets.get(place)
    if (found === undefined) return status(404, 'NotFound', `secrets "${name}" not found`)
    if (request.method === 'DELETE') secrets.delete(place)
    if (body !== undefined) {
      const values = Object.entries(body.data ?? {})
      secrets.set(
        place,
        Object.fromEntries(values.map(([key, value]) => [key, Buffer.from(value, 'base64').toString()])),
      )
      return [200, {}]
    }
    const data = Object.entries(found).map(([key, value]) => [key, Buffer.from(value).toString('base64')] as const)
    return [200, { kind: 'Secret', apiVersion: 'v1', metadata: { name, namespace }, data: Object.fromEntries(data) }]
  }

  const server = createServer({ cert: readFileSync(paths.cert), key: readFileSync(paths.key) }, (request, response) => {
    answer(request).then(
      (given) => {
        if (given === 'cut') request.socket.destroy()
        else if (given !== 'hang') reply(response, given)
      },
      () => request.socket.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
  const kubeconfig = join(folder, 'config')
  writeFileSync(kubeconfig, JSON.stringify(kubeconfigOf(url, by.cert)))
  return Object.assign(fake, {
    ...{ kubeconfig, url, secrets, requests, bodies },
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      rmSync(folder, { recursive: true, force: true })
    },
  })
}

/** JSON is YAML too. */
export const kubeconfigOf = (server: string, authorityFile?: string): object => ({
  apiVersion: 'v1',
  kind: 'Config',
  'current-context': 'fake',
  clusters: [{ name: 'fake', cluster: { server, ...(authorityFile && { 'certificate-authority': authorityFile }) } }],
  users: [{ name: 'fake', user: { token } }],
  contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'fake' } }],
})
