import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { kinds, serverNames } from '../src/kinds.ts'
import type { ServerKind } from '../src/server.ts'

type Service = {
  readonly image: string
  readonly command?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  readonly profiles?: readonly string[]
  readonly user?: string
  readonly read_only?: boolean
  readonly ports?: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
}

let text: string
let services: Record<string, Service>

beforeAll(async () => {
  text = await readFile(join(import.meta.dirname, '../../../compose.yaml'), 'utf8')
  services = (parse(text, { merge: true }) as { services: Record<string, Service> }).services
})

/** Containers that are no server of the command: the platform on top of them. */
const apps = ['aggregator', 'alert-monitor', 'log-shipper', 'reactor', 'search-service'].filter((name) =>
  existsSync(join(import.meta.dirname, '../../../apps', name)),
)

test('the services are the servers of the command, and the apps', () => {
  expect(Object.keys(services).sort()).toEqual([...serverNames, ...apps].sort())
})

test.each(apps)('%s is the image of its app, may write nothing, and comes with the platform only', (name) => {
  const { image, profiles, read_only: readOnly, user, command } = services[name] ?? { image: '' }
  expect(image).toBe(`armature/${name}:\${ARMATURE_VERSION:-0.1.0}`)
  expect(profiles).toEqual(['platform'])
  // It only copies its bundle to a volume, which is root's, and ends.
  if (name === 'log-shipper') expect({ user, command }).toEqual({ user: '0', command: ['install', '/shipper'] })
  else expect({ readOnly, user }).toEqual({ readOnly: true, user: undefined })
})

describe.each(Object.entries<ServerKind>(kinds))('%s', (name, { container, variable }) => {
  test('is the container of its kind', () => {
    const { image, command, environment = {} } = services[name] ?? { image: 'none' }
    // A variable may name another image, such as a company's own.
    expect({ image: image.replace(/^\$\{\w+:-(.*)\}$/, '$1'), command, environment }).toEqual({
      image: container.image,
      command: container.command,
      environment: container.environment ?? {},
    })
  })

  test('is reached from this machine only, at the port that its comment says', () => {
    const ports = services[name]?.ports ?? []
    for (const port of ports) expect(port).toMatch(/^127\.0\.0\.1:/)
    const [, host] =
      ports.map((port) => /:(\d+)(?:-\d+)?:(\d+)/.exec(port)).find((found) => Number(found?.[2]) === container.port) ??
      []
    expect(text).toContain(`# ${variable}=${container.url('127.0.0.1', Number(host))}`)
  })

  test('tells when it is healthy', () => {
    expect(services[name]?.healthcheck?.test[0]).toMatch(/^CMD(-SHELL)?$/)
  })
})
