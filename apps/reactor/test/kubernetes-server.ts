import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingHttpHeaders, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { onTestFinished } from 'vitest'
import { authority, certificate } from '@armature/servers/certificates'

/** A request that came. */
interface Seen {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** Answers in place of the subresource. */
export type Answer = (response: ServerResponse) => void

const json = (response: ServerResponse, code: number, value: object): void =>
  void response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(value))

/** Answers with a Status, as the API server refuses. */
export const refusal =
  (code: number, reason: string, message: string): Answer =>
  (response) =>
    json(response, code, { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code })

/** In PEM: a certificate of 127.0.0.1 with its key, and the authority that issued it. */
interface Pem {
  readonly ca: string
  readonly cert: string
  readonly key: string
}

const issued = (): Pem => {
  const folder = mkdtempSync(join(tmpdir(), 'kubernetes-server-'))
  const by = authority(folder, 'authority')
  const { cert, key } = certificate(folder, 'server', by, 'IP:127.0.0.1')
  const [ca, ...own] = [by.cert, cert, key].map((path) => readFileSync(path, 'utf8'))
  rmSync(folder, { recursive: true })
  return { ca: ca ?? '', cert: own[0] ?? '', key: own[1] ?? '' }
}

let shared: Pem | undefined
/** One for all servers of a file of tests: a key takes a while. */
const sharedPem = (): Pem => (shared ??= issued())

const workload = /^\/apis\/apps\/v1\/namespaces\/shop\/(?:deployments|statefulsets)\/worker\/scale$/

/**
 * The subresource `scale` of `worker` in the namespace `shop`, over TLS, as an API server of Kubernetes 1.34 answers it: 401 for another token than that
 * of the file now, 415 for no merge patch, 404 for other objects, 422 below 0, and a Scale that leaves out a number of 0. And a folder of a service
 * account. Both end with the test. `isStranger`: it has an authority of its own.
 */
export const openKubernetesServer = async ({ isStranger = false } = {}) => {
  const folder = mkdtempSync(join(tmpdir(), 'service-account-'))
  const { ca, key, cert } = isStranger ? issued() : sharedPem()
  const put = (name: string, text: string) => writeFileSync(join(folder, name), text)
  put('ca.crt', ca)
  put('namespace', 'shop')
  put('token', 'first-token\n')
  const seen: Seen[] = []
  const state: { replicas: number; answer: Answer | undefined } = { replicas: 1, answer: undefined }

  const scale = ({ path, headers, body }: Seen): Answer => {
    const token = readFileSync(join(folder, 'token'), 'utf8').trim()
    if (headers.authorization !== `Bearer ${token}`) return refusal(401, 'Unauthorized', 'Unauthorized')
    if (headers['content-type'] !== 'application/merge-patch+json')
      return refusal(415, 'UnsupportedMediaType', 'the body of the request was in an unknown format')
    if (!workload.test(path ?? '')) return refusal(404, 'NotFound', 'deployments.apps "other" not found')
    const { spec } = JSON.parse(body) as { spec: { replicas: number } }
    if (spec.replicas < 0) return refusal(422, 'Invalid', 'must be greater than or equal to 0')
    state.replicas = spec.replicas
    const shown = state.replicas === 0 ? {} : { replicas: state.replicas }
    return (response) =>
      json(response, 200, {
        kind: 'Scale',
        apiVersion: 'autoscaling/v1',
        metadata: { name: 'worker', namespace: 'shop' },
        spec: shown,
        status: { replicas: 1, selector: 'app=worker' },
      })
  }

  const server = createServer({ key, cert }, (request, response) => {
    buffer(request).then(
      (bytes) => {
        const { method, url: path, headers } = request
        const came = { method, path, headers, body: bytes.toString() }
        seen.push(came)
        ;(state.answer ?? scale(came))(response)
      },
      () => response.destroy(),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  onTestFinished(async () => {
    await close()
    rmSync(folder, { recursive: true })
  })
  const { port } = server.address() as AddressInfo
  return { folder, port, seen, state, close, put }
}
