import * as z from 'zod'
import { UnrecoverableError } from '@armature/messaging/errors'
import type { Message } from '@armature/messaging/message'
import type { Reaction } from '@armature/messaging/on'
import type { ApiAnswer, KubernetesApi } from './kubernetes-api.ts'
import { parseScaleRule, type ScaleRule } from './scale-rule.ts'
import { traceHeaders } from './trace-headers.ts'

export interface ScaleOptions {
  /** `deployment/NAME` or `statefulset/NAME` in the namespace of the reactor, one of those that are allowed. */
  readonly target: string
  /** How many there are to be, or what says so of a message: `({ headers }) => (headers['type']?.endsWith('.firing') ? 10 : 2)`. */
  readonly replicas: number | ((message: Message) => number)
  /** For one call. */
  readonly deadlineMs: number
}

interface ScaleParts {
  /** Rules such as `deployment/worker:1-10`. */
  readonly allowed: readonly string[]
  readonly api: KubernetesApi
}

/** Of what the API server says to a refusal. */
const maxSaidLength = 500

/**
 * A handler that sets the replicas of a Deployment or StatefulSet for each message, by the subresource `scale` of the Kubernetes API. The number is
 * absolute, so that a message that comes again changes nothing. Replicas out of bounds and answers that will come again (400, 401, 403, 404, 422, a
 * redirect, ...) dead-letter the message; 408, 409, 425, 429, 5xx and no answer are tried again. Throws TypeError for a target or a number that is
 * not allowed.
 */
export const createScaleAction = ({ allowed, api }: ScaleParts) => {
  const rules = allowed.map(parseScaleRule)
  return ({ target, replicas, deadlineMs }: ScaleOptions) => {
    const own = rules.filter((rule) => rule.target === target)
    if (own.length === 0) {
      throw new TypeError(`${target} may not be scaled: add ${target}:MIN-MAX to SCALE_ALLOW (--scale-allow)`)
    }
    if (typeof replicas === 'number') checkReplicas(replicas, own)
    return async ({ message, signal, log }: Pick<Reaction<unknown>, 'message' | 'signal' | 'log'>): Promise<void> => {
      signal.throwIfAborted()
      const wanted = typeof replicas === 'number' ? replicas : replicas(message)
      try {
        checkReplicas(wanted, own)
      } catch (cause) {
        throw new UnrecoverableError('scale-out-of-bounds', (cause as TypeError).message, { cause })
      }
      const answer = await api.patch({
        path: `${target.replace('/', 's/')}/scale`,
        patch: { spec: { replicas: wanted } },
        headers: traceHeaders(message),
        deadlineMs,
        signal,
      })
      const fault = faultOf(answer, target, wanted)
      if (fault !== undefined) throw fault
      log.info({ target, replicas: wanted }, 'scaled')
    }
  }
}

const checkReplicas = (replicas: number, rules: readonly ScaleRule[]): void => {
  if (rules.some(({ min, max }) => Number.isInteger(replicas) && replicas >= min && replicas <= max)) return
  const bounds = rules.map(({ min, max }) => `${min} to ${max}`).join(' or ')
  throw new TypeError(
    `${rules[0]?.target} may not have ${replicas} replicas, only ${bounds}: change replicas, or the bounds in SCALE_ALLOW (--scale-allow)`,
  )
}

const faultOf = (answer: ApiAnswer, target: string, replicas: number): Error | undefined => {
  const { status, namespace } = answer
  const problem = `${target} in the namespace ${namespace} was not scaled to ${replicas}: the API server answered ${status}`
  if (status >= 200 && status < 300) {
    return replicasOf(answer) === replicas ? undefined : new Error(`${problem} without a Scale of that many replicas`)
  }
  const said = saidIn(answer)
  if (status >= 500 || [408, 409, 425, 429].includes(status)) return new Error(`${problem}${said}`)
  return new UnrecoverableError(`scale-${status}`, `${problem}${said}${fixOf(status, target)}`)
}

const fixOf = (status: number, target: string): string => {
  const [kind, name] = target.split('/')
  if (status === 401) return '. The token of the service account is not taken: mount that of this cluster'
  if (status === 403) {
    return `. The service account needs a Role with apiGroups [apps], resources [${kind}s/scale], resourceNames [${name}], verbs [get, patch]; the chart makes it where config.scaleAllow names ${target}`
  }
  if (status === 404) return `. Create the ${kind} ${name} there, or correct the target`
  if (status >= 300 && status < 400)
    return '. Redirects are not followed: KUBERNETES_SERVICE_HOST must be the API server'
  return ''
}

/** A Scale leaves out a number of 0. */
const scale = z.object({
  kind: z.literal('Scale'),
  spec: z.object({ replicas: z.int().default(0) }).default({ replicas: 0 }),
})
const failure = z.object({ kind: z.literal('Status'), message: z.string() })

const replicasOf = ({ text }: ApiAnswer): number | undefined => scale.safeParse(jsonOf(text)).data?.spec.replicas

const saidIn = ({ text }: ApiAnswer): string => {
  const message = failure.safeParse(jsonOf(text)).data?.message
  return message === undefined ? '' : `: ${message.slice(0, maxSaidLength)}`
}

const jsonOf = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
