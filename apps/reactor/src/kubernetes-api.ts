import { readFile } from 'node:fs/promises'
import type { IncomingMessage } from 'node:http'
import { request, type RequestOptions } from 'node:https'
import { join } from 'node:path'
import type { Clock } from '@armature/async/clock'
import { formatHostPort } from '@armature/async/host-port'

/** Where Kubernetes puts the files of the service account in a pod. */
const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount'
/** An answer is read to here. A Scale has about 1 KiB. */
const maxAnswerBytes = 65_536

export interface KubernetesApiOptions {
  /** Of the API server, as `KUBERNETES_SERVICE_HOST` says it in a pod; undefined = this is no pod. */
  readonly host: string | undefined
  readonly port: number
  readonly clock: Clock
  /** With `token`, `ca.crt` and `namespace`. Default: that of a pod. */
  readonly folder?: string | undefined
}

export interface PatchRequest {
  /** Below the namespace, such as `deployments/worker/scale`. */
  readonly path: string
  /** A JSON merge patch (RFC 7396). */
  readonly patch: object
  readonly headers: Readonly<Record<string, string>>
  /** For the call, answer included. */
  readonly deadlineMs: number
  readonly signal: AbortSignal
}

export interface ApiAnswer {
  readonly status: number
  /** The first 64 KiB of the body. */
  readonly text: string
  /** That of the service account, in which was patched. */
  readonly namespace: string
}

/** Asks the API server, as the service account of the pod. */
export interface KubernetesApi {
  /** Patches an object of the group `apps/v1` in the namespace of the pod. Redirects are not followed. Rejects where there is no answer. */
  patch(request: PatchRequest): Promise<ApiAnswer>
}

/** The files of the service account are read at each call, since the token rotates. Each call has a connection of its own: there are few. */
export const createKubernetesApi = ({
  host,
  port,
  clock,
  folder = serviceAccountFolder,
}: KubernetesApiOptions): KubernetesApi => ({
  patch: async ({ path, patch, headers, deadlineMs, signal }) => {
    if (host === undefined) {
      throw new Error('KUBERNETES_SERVICE_HOST is not set: run the reactor in a pod, where Kubernetes sets it')
    }
    const [token, ca, namespace] = await Promise.all([
      accountFile(folder, 'token'),
      accountFile(folder, 'ca.crt'),
      accountFile(folder, 'namespace'),
    ])
    const timing = new AbortController()
    const cancel = clock.after(deadlineMs, () => timing.abort())
    const server = `the API server at ${formatHostPort(host, port)}`
    try {
      const asked = {
        host,
        port,
        ca,
        path: `/apis/apps/v1/namespaces/${encodeURIComponent(namespace)}/${path}`,
        headers: { ...headers, authorization: `Bearer ${token}`, 'content-type': 'application/merge-patch+json' },
        signal: AbortSignal.any([signal, timing.signal]),
      }
      return { ...(await answered(asked, JSON.stringify(patch))), namespace }
    } catch (cause) {
      signal.throwIfAborted()
      if (timing.signal.aborted) throw new Error(`${server} did not answer within ${deadlineMs} ms`, { cause })
      throw new Error(
        `${server} cannot be reached (${codeOf(cause)}): let the pod reach it (networkPolicy.apiServer of the chart), and give it the CA of its cluster`,
        { cause },
      )
    } finally {
      cancel()
    }
  },
})

const accountFile = async (folder: string, name: string): Promise<string> => {
  try {
    return (await readFile(join(folder, name), 'utf8')).trim()
  } catch (cause) {
    throw new Error(
      `${join(folder, name)} cannot be read (${codeOf(cause)}): mount the service account, as the chart does where config.scaleAllow names something`,
      { cause },
    )
  }
}

const answered = (options: RequestOptions, body: string) =>
  new Promise<Omit<ApiAnswer, 'namespace'>>((resolve, reject) => {
    const asking = request({ ...options, method: 'PATCH', agent: false }, (answer) => {
      textOf(answer).then((text) => resolve({ status: answer.statusCode ?? 0, text }), reject)
    })
    asking.on('error', reject)
    asking.end(body)
  })

const textOf = async (answer: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    bytes += chunk.length
    // Leaving the loop early closes the connection.
    if (bytes >= maxAnswerBytes) break
  }
  return Buffer.concat(chunks).subarray(0, maxAnswerBytes).toString('utf8')
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'network error'
