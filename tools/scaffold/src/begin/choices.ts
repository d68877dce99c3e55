import { Refusal } from '../refusal.ts'
import { checkNames } from '../rename/new-names.ts'

/** The services that the template comes with. */
export const exampleServices = ['search-service', 'log-shipper', 'aggregator', 'alert-monitor', 'reactor'] as const
/** The brokers that the umbrella chart can install. */
export const chartBrokers = ['kafka', 'nats', 'rabbitmq', 'redis'] as const
/** Those that it installs by default. */
export const defaultBrokers = ['kafka', 'nats'] as const

/** What a platform is to be called, and what stays in it. */
export interface Choices {
  readonly name: string
  readonly scope: string
  readonly services: readonly string[]
  readonly brokers: readonly string[]
}

/** The answers as they were given: lists have commas between their words. */
export interface Answers {
  readonly name: string
  readonly scope?: string | undefined
  readonly services?: string | undefined
  readonly brokers?: string | undefined
}

/** The answers, checked and with their defaults. Throws Refusal, which names the answer and the fix. */
export const choicesOf = ({ name, scope = `@${name}`, services, brokers }: Answers): Choices => {
  checkNames(scope, name)
  return {
    name,
    scope,
    services: listOf('service', services ?? exampleServices.join(), exampleServices),
    brokers: listOf('broker', brokers ?? defaultBrokers.join(), chartBrokers),
  }
}

/** The words of a list, each once, in the order in which they are known. */
const listOf = (what: string, text: string, known: readonly string[]): readonly string[] => {
  const given = text.split(',').map((word) => word.trim())
  const odd = given.find((word) => word !== '' && !known.includes(word))
  if (odd !== undefined)
    throw new Refusal(`There is no ${what} ${JSON.stringify(odd)}`, `The ${what}s are ${known.join(', ')}`)
  const chosen = known.filter((word) => given.includes(word))
  if (chosen.length === 0) throw new Refusal(`No ${what} is chosen`, `Name one or more of ${known.join(', ')}`)
  return chosen
}
