import { randomInt } from 'node:crypto'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import { pairOf } from './kube-settings.ts'

/** The keys of a Secret, and how their values are made. */
export interface SecretPlan {
  /** Characters of each password, by key. */
  readonly generated: ReadonlyMap<string, number>
  /** Templates by key. `{KEY}` stands for a password. */
  readonly templates: ReadonlyMap<string, string>
}

const minPasswordCharacters = 16
const maxPasswordCharacters = 256
const keyPattern = /^[-._a-zA-Z0-9]{1,253}$/

/** Reads `KEY=LENGTH` and `KEY=TEMPLATE`. Throws ServiceError (64) that names what is wrong; it never quotes a template. */
export const secretPlan = (generate: readonly string[], set: readonly string[]): SecretPlan => {
  const generated = new Map<string, number>()
  const templates = new Map<string, string>()
  for (const pair of generate) {
    const [key, length] = keyed('generate', pair, 'KEY=LENGTH')
    refuseTwice(key, generated, templates)
    const characters = /^\d+$/.test(length) ? Number(length) : Number.NaN
    if (!(characters >= minPasswordCharacters && characters <= maxPasswordCharacters)) {
      throw usage(
        `--generate ${key}=${length}: the length is not a whole number from ${minPasswordCharacters} to ${maxPasswordCharacters}`,
        `Set it to one, such as ${key}=32`,
      )
    }
    generated.set(key, characters)
  }
  for (const pair of set) {
    const [key, template] = keyed('set', pair, 'KEY=TEMPLATE')
    refuseTwice(key, generated, templates)
    if (template === '') throw usage(`--set ${key}: the value is empty`, `Give it as ${key}=VALUE`)
    const unknown = placesOf(template).find((place) => !generated.has(place))
    if (unknown !== undefined) {
      throw usage(
        `--set ${key}: {${unknown}} is not a key that --generate makes`,
        `Add --generate ${unknown}=32, or name one of ${[...generated.keys()].join(', ') || 'none'}`,
      )
    }
    templates.set(key, template)
  }
  if (generated.size + templates.size === 0) {
    throw usage('the Secret would have no keys', 'Give --generate KEY=LENGTH or --set KEY=TEMPLATE')
  }
  return { generated, templates }
}

/** Reads `KEY=TEMPLATE` of a Secret that is made of another. Throws ServiceError (64), as secretPlan does. */
export const copyPlan = (set: readonly string[]): ReadonlyMap<string, string> => {
  const templates = new Map<string, string>()
  for (const pair of set) {
    const [key, template] = keyed('set', pair, 'KEY=TEMPLATE')
    refuseTwice(key, templates)
    if (template === '') throw usage(`--set ${key}: the value is empty`, `Give it as ${key}=VALUE`)
    templates.set(key, template)
  }
  return templates
}

/** The keys that the Secret must have, in the order of the command line. */
export const keysOf = ({ generated, templates }: SecretPlan): readonly string[] => [
  ...generated.keys(),
  ...templates.keys(),
]

/** New values for all keys. Each call makes new passwords. */
export const newValues = ({ generated, templates }: SecretPlan): ReadonlyMap<string, string> => {
  const passwords = new Map([...generated].map(([key, characters]) => [key, password(characters)]))
  const filled = [...templates].map(
    ([key, template]) => [key, filledTemplate(template, (place) => passwords.get(place) ?? '')] as const,
  )
  return new Map([...passwords, ...filled])
}

/** Letters and digits mean the same in a URL, a shell, YAML, SQL and a configuration file, and no flag begins with one. */
const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789'

/** From the random numbers of node:crypto, each character equally likely: 5.95 bits a character. */
const password = (characters: number): string =>
  Array.from({ length: characters }, () => alphabet[randomInt(alphabet.length)]).join('')

/** Braces with anything else between them, such as those of JSON, stand for themselves. */
const placePattern = /\{([-._a-zA-Z0-9]+)\}/g

/** The template with a value for each `{KEY}`. */
export const filledTemplate = (template: string, valueOf: (key: string) => string): string =>
  template.replaceAll(placePattern, (_all, place: string) => valueOf(place))

/** The keys that a template names. */
export const placesOf = (template: string): readonly string[] =>
  [...template.matchAll(placePattern)].map(([, place = '']) => place)

const keyed = (flag: string, pair: string, form: string): readonly [key: string, value: string] => {
  const halves = pairOf(pair)
  if (halves === undefined) throw usage(`--${flag}: a value is not ${form}`, `Give it as --${flag} ${form}`)
  const [key] = halves
  if (keyPattern.test(key)) return halves
  throw usage(
    `--${flag}: ${JSON.stringify(key.slice(0, 80))} is not a key of a Secret`,
    'Use letters, digits, dashes, dots and underscores',
  )
}

const refuseTwice = (key: string, ...given: readonly ReadonlyMap<string, unknown>[]): void => {
  if (given.some((keys) => keys.has(key))) throw usage(`the key ${key} is given twice`, 'Give it once')
}

const usage = (message: string, fix: string) => new ServiceError(message, { exitCode: exitCodes.usage, fix })
