import { ESLint } from 'eslint'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

let eslint: ESLint
beforeAll(() => {
  eslint = new ESLint({ cwd: root })
})

/** The rules that a text breaks when it stands in this file (which exists: the type-aware rules need its project). */
const broken = async (path: string, text: string): Promise<string[]> => {
  const [result] = await eslint.lintText(text, { filePath: join(root, path) })
  return (result?.messages ?? []).map((message) => message.ruleId ?? message.message)
}

const source = (project: string) => `${project}/vitest.config.ts`
const testOf = (project: string) => {
  const [path] = globSync(`${project}/{src,test}/**/*.test.ts`, { cwd: root })
  if (path === undefined) throw new Error(`${project} has no test`)
  return path
}

/** Any app, another one, those that are made of others, any example: the rules are the same whichever are here. */
const manifests = globSync('apps/*/package.json', { cwd: root }).sort()
const isComposer = (path: string) => readFileSync(join(root, path), 'utf8').includes('"composes:apps"')
const composers = manifests.filter(isComposer).map(dirname)
const [app = '', ...others] = manifests.filter((path) => !isComposer(path)).map(dirname)
const examples = globSync('examples/*/package.json', { cwd: root }).map(dirname)
/** Those of a list whose file is in this workspace. */
const here = (rows: readonly (readonly [string, string])[]): [string, string][] =>
  rows.flatMap(([path, name]): [string, string][] => (existsSync(join(root, path)) ? [[path, name]] : []))
const packageOf = (project: string) => project.replace(/^apps/, '@armature')

const use = (name: string) => `import * as used from '${name}'\nvoid used\n`
const load = (name: string) => `export const used = import('${name}')\n`
const type = (name: string) => `export type Used = typeof import('${name}')\n`
const again = (name: string) => `export * from '${name}'\n`

describe('arrows', () => {
  const boundary = '@nx/enforce-module-boundaries'

  test.each([
    [source(app), '@armature/messaging/ports'],
    ...composers.map((each): [string, string] => [source(each), `${packageOf(app)}/service`]),
    [source('libs/telemetry'), '@armature/config/settings'],
    [source('libs/service'), '@armature/telemetry/ledger'],
    [source('libs/messaging-commands'), '@armature/service/command'],
    ...here([[source('tools/search'), '@armature/search-service/migrations']]),
    ...examples.map((example): [string, string] => [source(example), '@armature/messaging/ports']),
    [source('tools/bench'), '@armature/messaging/ports'],
    [testOf(app), '@armature/servers/clients'],
  ])('%s may use %s', async (path, name) => {
    expect(await broken(path, use(name))).not.toContain(boundary)
  })

  test.each([
    [source('libs/config'), '@armature/telemetry/ledger'],
    [source('libs/telemetry'), '@armature/service/service'],
    [source('libs/messaging'), '@armature/service/service'],
    [source('libs/messaging'), '@armature/messaging-kit/decode-received'],
    [source('libs/messaging-kit'), '@armature/messaging-memory/driver'],
    [source('libs/messaging-nats'), '@armature/messaging-kafka/driver'],
    [source('libs/messaging-nats'), '@armature/messaging-drivers/open'],
    [source('libs/async'), '@armature/config/redact'],
    [source('libs/service'), '@armature/messaging/ports'],
    [source('libs/database'), '@armature/discovery/resolver'],
    [source('libs/messaging'), `${packageOf(app)}/service`],
    [source('libs/messaging'), '@armature/messaging-commands/commands'],
    [source('libs/messaging-commands'), '@armature/database/database'],
    ...others.flatMap((other): [string, string][] => [
      [source(app), `${packageOf(other)}/service`],
      [testOf(app), `${packageOf(other)}/service`],
      [source(app), `../${other.slice('apps/'.length)}/vitest.config.ts`],
    ]),
    ...composers.map((each): [string, string] => [source(app), `${packageOf(each)}/service`]),
    [source(app), '@armature/servers/clients'],
    ...examples.map((example): [string, string] => [source(example), `${packageOf(app)}/service`]),
    [source('tools/bench'), `${packageOf(app)}/service`],
    ...here([
      [source('tools/search'), `${packageOf(app)}/service`],
      [source('apps/search-service'), '@armature/search/import-file'],
    ]),
    [source('tools/servers'), '@armature/messaging/ports'],
    [source('libs/config'), 'pino'],
  ])('%s may not use %s', async (path, name) => {
    expect(await broken(path, use(name))).toContain(boundary)
  })
})

describe('one package, one owner', () => {
  const rule = 'no-restricted-syntax'
  const owners: [string, string][] = [
    ['libs/messaging-kafka', 'kafkajs'],
    ['libs/messaging-nats', 'nats'],
    ['libs/messaging-nats', '@nats-io/jetstream'],
    ['libs/messaging-amqp', 'amqplib'],
    ['libs/messaging-redis', 'ioredis'],
    ['libs/discovery', 'consul'],
    ['libs/telemetry', 'pino'],
    ['libs/telemetry', 'pino/file'],
    ['libs/telemetry', 'hot-shots'],
    ['libs/telemetry', '@opentelemetry/sdk-node'],
    ['libs/database', '@electric-sql/pglite'],
    ['libs/database', '@electric-sql/pglite-postgis'],
    ['libs/database', 'pg'],
    ['libs/database', 'pg-copy-streams'],
  ]

  test.each(owners)('%s may import %s', async (owner, name) => {
    for (const form of [use, load, type, again]) expect(await broken(source(owner), form(name))).not.toContain(rule)
  })

  test.each(owners)('nobody but %s may import %s, in any form', async (_owner, name) => {
    const other = 'libs/messaging'
    for (const form of [use, load, type, again]) {
      expect(await broken(source(other), form(name)), form(name)).toContain(rule)
      expect(await broken(source(app), form(name)), form(name)).toContain(rule)
    }
    expect(await broken(testOf(app), use(name))).toContain(rule)
  })

  test.each(['@opentelemetry/api', 'pgvector', 'natsume', 'pinot', '@grpc/grpc-js'])(
    'all may import %s',
    async (name) => {
      expect(await broken(source(app), use(name))).not.toContain(rule)
    },
  )
})

describe('the environment', () => {
  const rule = 'no-restricted-syntax'
  const reads = [
    `export const home = process.env['HOME']\n`,
    `export const { env } = process\n`,
    `export const given = process.argv\n`,
    `import { env } from 'node:process'\nexport const home = env['HOME']\n`,
    `import all from 'node:process'\nexport const home = all.env['HOME']\n`,
  ]

  test.each(reads)('is read in libs/config: %j', async (text) => {
    expect(await broken(source('libs/config'), text)).not.toContain(rule)
  })

  test.each(reads)('is read in tests and tools: %j', async (text) => {
    expect(await broken(testOf(app), text)).not.toContain(rule)
    expect(await broken(source('tools/bench'), text)).not.toContain(rule)
  })

  test.each(reads)('is read nowhere else: %j', async (text) => {
    expect(await broken(source(app), text)).toContain(rule)
    expect(await broken(source('libs/telemetry'), text)).toContain(rule)
    for (const example of examples) expect(await broken(source(example), text)).toContain(rule)
  })

  test('process has other uses everywhere', async () => {
    expect(await broken(source(app), 'export const id = process.pid\n')).not.toContain(rule)
  })
})

describe('what libs/async does once', () => {
  const rule = 'no-restricted-syntax'
  const own = [
    'export const waitMs = (limitMs: number) => limitMs * Math.random()\n',
    'export const waitMs = (limitMs: number, random: () => number) => limitMs * (0.5 + random() / 2)\n',
    'export const waitMs = (limitMs: number) => Math.ceil(Math.random() * limitMs)\n',
    'export const at = (host: string, port: number) => `http://${host}:${port}`\n',
    'export const at = (host: string, port: number) => `[${host}]:${port}`\n',
    `export const isIPv6 = (host: string) => host.includes(':')\n`,
  ]

  test.each(own)('is done there: %j', async (text) => {
    expect(await broken(source('libs/async'), text)).not.toContain(rule)
  })

  test.each(own)('is done nowhere else: %j', async (text) => {
    expect(await broken(source(app), text)).toContain(rule)
    expect(await broken(source('libs/messaging-nats'), text)).toContain(rule)
    for (const example of examples) expect(await broken(source(example), text)).toContain(rule)
    expect(await broken(testOf(app), text)).not.toContain(rule)
  })

  test.each([
    'export const index = (items: number[]) => Math.floor(Math.random() * items.length)\n',
    'export const options = { random: Math.random }\n',
    'export const isTaken = (share: number) => Math.random() < share\n',
    'export const rate = (count: number, port: number) => `${count}:${port}`\n',
    `export const isScheme = (text: string) => text.includes(':')\n`,
  ])('all may write %j', async (text) => {
    expect(await broken(source(app), text)).not.toContain(rule)
  })
})

describe('code', () => {
  test.each([
    ['no-restricted-syntax', 'export enum Colour { red }\n'],
    ['no-restricted-syntax', 'export class Box { constructor(readonly size: number) {} }\n'],
    ['no-restricted-syntax', 'export namespace Boxes { export const size = 1 }\n'],
    ['no-restricted-syntax', 'declare const seal: () => void\n@seal\nexport class Box {}\n'],
    ['eqeqeq', 'export const same = (a: number, b: number) => a == b\n'],
    ['prefer-const', 'let one = 1\nexport const two = one + 1\n'],
    ['no-console', 'console.log("hello")\n'],
    ['@typescript-eslint/no-explicit-any', 'export const id = (value: any): unknown => value\n'],
    ['@typescript-eslint/no-floating-promises', 'Promise.resolve(1)\n'],
    ['@typescript-eslint/no-misused-promises', 'setTimeout(async () => { await Promise.resolve() }, 1)\n'],
    ['@typescript-eslint/consistent-type-imports', `import { Stats } from 'node:fs'\nexport type S = Stats\n`],
    ['@typescript-eslint/no-non-null-assertion', 'export const first = (list: number[]) => list[0]!\n'],
    ['@typescript-eslint/no-unused-vars', 'const left = 1\n'],
    [
      '@typescript-eslint/no-unsafe-assignment',
      'export const read = (): string => { const value = JSON.parse("1"); return value }\n',
    ],
  ])('%s is an error', async (rule, text) => {
    expect(await broken(source(app), text)).toContain(rule)
  })

  describe('a listener', () => {
    const rule = 'armature/listener-catches'
    const head = `import { createServer, type RequestListener } from 'node:http'
declare const work: (...given: unknown[]) => Promise<void>
declare const socket: NodeJS.EventEmitter
declare const target: EventTarget & { onmessage: () => void }
declare const maybe: (...given: unknown[]) => Promise<void> | undefined
export {}
`

    test.each([
      'createServer((request, response) => void work(request, response))',
      'createServer((request, response) => { if (request.url) void work(request, response) })',
      'createServer((request) => void maybe(request))',
      'const answer: RequestListener = (request, response) => void work(request, response)\ncreateServer(answer)',
      'function answer() { void work() }\ncreateServer().on("request", answer)',
      'socket.on("data", (data: string) => void work(data))',
      'socket.once("data", () => void work().then(() => undefined))',
      'socket.on("data", () => void work().finally(() => undefined))',
      'socket.on("data", () => { [1].forEach(() => void work()) })',
      'target.addEventListener("abort", () => void work())',
      'target.onmessage = () => void work()',
      'export const options = { onGone: () => void work() }',
      'process.on("SIGTERM", () => void work())',
    ])('bug: a request could end the process, by a listener without a catch: %s', async (text) => {
      expect(await broken(source(app), `${head}${text}\n`)).toContain(rule)
    })

    test.each([
      'createServer(() => void work().catch(() => undefined))',
      'createServer(() => { work().catch(() => undefined) })',
      'createServer(() => void work().then(() => undefined, () => undefined))',
      'createServer(() => void work().catch(() => undefined).finally(() => undefined))',
      'socket.on("data", () => void [1].push(2))',
      'setTimeout(() => void work(), 1)',
      'export const loop = () => void work()',
    ])('may be %s', async (text) => {
      expect(await broken(source(app), `${head}${text}\n`)).not.toContain(rule)
    })

    test('that is async itself is an error too', async () => {
      const text = `${head}socket.on('data', async () => { await work() })\n`
      expect(await broken(source(app), text)).toContain('@typescript-eslint/no-misused-promises')
    })
  })

  test('of the usual shape breaks no rule', async () => {
    const text = `import { type Stats } from 'node:fs'
import { stat } from 'node:fs/promises'

/** The size of a file in bytes. */
export const size = async (path: string): Promise<number> => {
  const found: Stats = await stat(path)
  return found.size
}
`
    expect(await broken(source(app), text)).toEqual([])
  })
})
