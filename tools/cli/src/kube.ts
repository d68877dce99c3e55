import { delimiter } from 'node:path'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { ApiConstructor, ApiType, KubeConfig, RequestContext } from '@kubernetes/client-node'
import type * as client from './kube-library.ts'

/** The client of Kubernetes. It is large, so only commands that speak to a cluster load it. */
export type Library = typeof client

/** A cluster that can be asked. */
export interface Kube {
  /** The URL of the API server. */
  readonly server: string
  readonly library: Library
  /** Aborted by a stop, and when the time is over that was given for all requests together. */
  readonly signal: AbortSignal
  /** An API of the library. Each of its calls ends at `requestTimeoutMs` and when the signal is aborted. */
  api<Api extends ApiType>(type: ApiConstructor<Api>): Api
}

export interface KubeOptions {
  readonly kubeconfig: string | undefined
  readonly context: string | undefined
  /** Limit of each request, in milliseconds. */
  readonly requestTimeoutMs: number
  /** Limit of all requests together, in milliseconds, from the moment when the client is loaded. */
  readonly timeoutMs: number
  /** A stop. */
  readonly signal: AbortSignal
}

/**
 * The cluster of the kubeconfig, found as kubectl finds it; in a pod the one of its service account. Makes no request. Rejects with
 * ServiceError (78) for a kubeconfig that cannot be read, has no such context, or is nowhere.
 */
export const openKube = async (options: KubeOptions): Promise<Kube> => {
  const { kubeconfig, context, requestTimeoutMs, timeoutMs } = options
  const library = await import('./kube-library.ts')
  const signal = AbortSignal.any([options.signal, AbortSignal.timeout(timeoutMs)])
  const config = configOf(library, kubeconfig, context)
  const server = config.getCurrentCluster()?.server
  if (server === undefined) {
    throw configError(
      'the kubeconfig has no current context with a cluster',
      'Name one by --context, or by `kubectl config use-context`',
    )
  }
  const limits = {
    pre: (request: RequestContext) => {
      request.setSignal(AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]))
      return Promise.resolve(request)
    },
    post: <Response>(response: Response) => Promise.resolve(response),
  }
  const configuration = library.createConfiguration({
    baseServer: new library.ServerConfiguration(server, {}),
    authMethods: { default: config },
    promiseMiddleware: [limits],
  })
  return { server, library, signal, api: (type) => new type(configuration) }
}

const configOf = (library: Library, kubeconfig: string | undefined, context: string | undefined): KubeConfig => {
  const config = new library.KubeConfig()
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else loadFiles(library, config, kubeconfig.split(delimiter).filter(Boolean))
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error)
    throw configError(`the kubeconfig cannot be read: ${problem}`, 'Name another file by --kubeconfig (env KUBECONFIG)')
  }
  if (isNowhere(config)) {
    throw configError('no cluster is named', 'Name a kubeconfig by --kubeconfig (env KUBECONFIG)')
  }
  if (context !== undefined) {
    const names = config.getContexts().map(({ name }) => name)
    if (!names.includes(context)) {
      throw configError(
        `the kubeconfig has no context ${JSON.stringify(context)}`,
        `Name one of ${names.join(', ') || 'another file'} by --context`,
      )
    }
    config.setCurrentContext(context)
  }
  return config
}

const loadFiles = (library: Library, config: KubeConfig, [first = '', ...others]: readonly string[]): void => {
  config.loadFromFile(first)
  for (const path of others) {
    const other = new library.KubeConfig()
    other.loadFromFile(path)
    config.mergeConfig(other)
  }
}

/** What the library falls back to: a cluster on this machine that nobody has named. */
const isNowhere = (config: KubeConfig): boolean => config.getCurrentContext() === 'loaded-context'

const configError = (message: string, fix: string) => new ServiceError(message, { exitCode: exitCodes.config, fix })
