import { list, text } from '@armature/config/settings'
import { command, type Command, type CommandIo } from '@armature/service/command'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import * as z from 'zod'
import { copySecret } from './copy-secret.ts'
import { ensureSecret } from './ensure-secret.ts'
import { type Kube, openKube } from './kube.ts'
import { kubeSecret, secretError, type KubeSecret } from './kube-secret.ts'
import { kubeSettings, msOf, namespaceSetting, objectName, pairOf, timeoutSetting } from './kube-settings.ts'
import { patiently } from './patience.ts'
import { copyPlan, keysOf, secretPlan } from './secret-plan.ts'

/** The settings that the commands share. */
const commonSettings = {
  ...kubeSettings,
  namespace: namespaceSetting('SECRETS_NAMESPACE'),
  timeout: timeoutSetting('1m', 'SECRETS_TIMEOUT'),
}

const ensureSettings = z.object({
  ...commonSettings,
  secret: objectName().meta({ description: 'Name of the Secret', env: 'SECRETS_SECRET' }),
  generate: list(text()).default([]).meta({
    description: 'KEY=LENGTH: a password of that many letters and digits; repeat it for more',
    env: 'SECRETS_GENERATE',
  }),
  set: list(text()).default([]).meta({
    description: 'KEY=TEMPLATE, with {KEY} for a password of --generate; repeat it for more',
    env: 'SECRETS_SET',
    commas: false,
  }),
  label: list(text())
    .default([])
    .meta({ description: 'Labels of the Secret, NAME=VALUE each; repeat it for more', env: 'SECRETS_LABEL' }),
})

/** `secrets ensure`. */
const ensureCommand = command({
  summary: 'Make a Secret of Kubernetes with new passwords, unless it is there',
  settings: ensureSettings,
  run: async (config, io) => {
    const plan = secretPlan(config.generate, config.set)
    const labels = labelsOf(config.label)
    const place = { namespace: config.namespace, name: config.secret }
    const outcome = await onSecrets(config, io, 'make', [place], labels, (secret) => ensureSecret(secret, plan))
    const keys = keysOf(plan).join(', ')
    const where = `${place.namespace}/${place.name}`
    const said = outcome[0] === 'made' ? `made the Secret ${where}, keys` : `the Secret ${where} is there, and has`
    io.stdout.write(`${said} ${keys}\n`)
    return exitCodes.ok
  },
})

const removeSettings = z.object({
  ...commonSettings,
  secret: list(objectName())
    .min(1)
    .meta({ description: 'Names of the Secrets; repeat it for more', env: 'SECRETS_SECRET' }),
})

/** `secrets remove`. */
const removeCommand = command({
  summary: 'Remove Secrets of Kubernetes, where they are there',
  settings: removeSettings,
  run: async (config, io) => {
    const places = config.secret.map((name) => ({ namespace: config.namespace, name }))
    const outcomes = await onSecrets(config, io, 'remove', places, {}, (secret) => secret.remove())
    for (const [index, { namespace, name }] of places.entries()) {
      const where = `${namespace}/${name}`
      io.stdout.write(outcomes[index] === 'removed' ? `removed the Secret ${where}\n` : `there is no Secret ${where}\n`)
    }
    return exitCodes.ok
  },
})

const copySettings = z.object({
  ...commonSettings,
  from: objectName().meta({ description: 'Name of the Secret that has the values', env: 'SECRETS_FROM' }),
  secret: objectName().meta({ description: 'Name of the Secret that is made of them', env: 'SECRETS_SECRET' }),
  set: list(text()).min(1).meta({
    description: 'KEY=TEMPLATE, with {KEY} for a value of --from; repeat it for more',
    env: 'SECRETS_SET',
    commas: false,
  }),
  label: ensureSettings.shape.label,
})

/** `secrets copy`. */
const copyCommand = command({
  summary: 'Make a Secret of Kubernetes from the values of another, or make it anew when they have changed',
  settings: copySettings,
  run: async (config, io) => {
    const templates = copyPlan(config.set)
    const { namespace } = config
    const [source, target] = [
      { namespace, name: config.from },
      { namespace, name: config.secret },
    ]
    const said = { made: 'made', replaced: 'changed', kept: 'kept' }
    const outcomes = await onSecrets(config, io, 'copy', [target], labelsOf(config.label), (secret, kube) =>
      copySecret(kubeSecret(kube, source), secret, templates),
    )
    const outcome = said[outcomes[0] ?? 'kept']
    io.stdout.write(`${outcome} the Secret ${config.namespace}/${config.secret}, from ${config.from}\n`)
    return exitCodes.ok
  },
})

/** Commands on Secrets, for a Job that an installation runs before its servers start. */
export const secretCommands: Readonly<Record<string, Command>> = {
  'secrets copy': copyCommand,
  'secrets ensure': ensureCommand,
  'secrets remove': removeCommand,
}

interface Asked {
  readonly kubeconfig?: string | undefined
  readonly context?: string | undefined
  readonly timeout: string
}

const requestTimeoutMs = 10_000

/** Does the work on one Secret after the other, each again while the API server is away. Gives their outcomes. */
const onSecrets = async <Outcome>(
  { kubeconfig, context, timeout }: Asked,
  { signal, stderr }: Pick<CommandIo, 'signal' | 'stderr'>,
  verb: string,
  places: readonly { readonly namespace: string; readonly name: string }[],
  labels: Readonly<Record<string, string>>,
  work: (secret: KubeSecret, kube: Kube) => Promise<Outcome>,
): Promise<readonly Outcome[]> => {
  const kube = await openKube({ kubeconfig, context, requestTimeoutMs, timeoutMs: msOf(timeout), signal })
  let told = ''
  const patience = {
    signal: kube.signal,
    onRetry: ({ message }: { readonly message: string }) => {
      if (message !== told) stderr.write(`tries again, since the API server ${kube.server} fails: ${message}\n`)
      told = message
    },
  }
  const outcomes: Outcome[] = []
  for (const place of places) {
    const secret = kubeSecret(kube, place, labels)
    try {
      outcomes.push(await patiently(() => work(secret, kube), patience))
    } catch (error) {
      if (signal.aborted) throw new ServiceError('it was stopped', { exitCode: exitCodes.temporary })
      throw secretError(error, kube, place, verb)
    }
  }
  return outcomes
}

const labelsOf = (pairs: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(
    pairs.map((pair) => {
      const halves = pairOf(pair)
      if (halves !== undefined) return halves
      throw new ServiceError(`--label: ${JSON.stringify(pair.slice(0, 80))} is not NAME=VALUE`, {
        exitCode: exitCodes.usage,
        fix: 'Give it as --label NAME=VALUE',
      })
    }),
  )
