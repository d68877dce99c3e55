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
  readonly ports: readonly string[]
  readonly healthcheck?: { readonly test: readonly string[] }
}

let text: string
let services: Record<string, Service>

beforeAll(async () => {
  text = await readFile(join(import.meta.dirname, '../../../compose.yaml'), 'utf8')
  services = (parse(text) as { services: Record<string, Service> }).services
})

test('the services are the servers of the command', () => {
  expect(Object.keys(services).sort()).toEqual([...serverNames].sort())
})

describe.each(Object.entries<ServerKind>(kinds))('%s', (name, { container, variable }) => {
  test('is the container of its kind', () => {
    const { image, command, environment = {} } = services[name] ?? { image: 'none' }
    expect({ image, command, environment }).toEqual({
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
