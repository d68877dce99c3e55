import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import { root, services } from '../../test/dry-tree.ts'
import { withoutContainer } from './compose.ts'

interface Service {
  readonly image: string
  readonly environment?: Record<string, string>
  readonly depends_on?: Record<string, object>
}
const text = readFileSync(join(root, 'compose.yaml'), 'utf8')
const servicesOf = (yaml: string) => (parse(yaml, { merge: true }) as { services: Record<string, Service> }).services

describe.each(services)('without %s', (name) => {
  const left = withoutContainer(text, name)

  test('the other containers stay, and none names it', () => {
    const before = Object.keys(servicesOf(text)).filter((each) => each !== name)
    expect(Object.keys(servicesOf(left))).toEqual(before)
    const values = Object.values(servicesOf(left)).flatMap(({ environment = {}, depends_on: on = {} }) => [
      ...Object.values(environment),
      ...Object.keys(on),
    ])
    expect(values).not.toContain(name)
    expect(left).not.toContain(`armature/${name}`)
  })

  test('a second removal changes nothing', () => expect(withoutContainer(left, name)).toBe(left))
})

test('without log-shipper the programs that it wrapped run by themselves', () => {
  expect(withoutContainer(text, 'log-shipper')).not.toMatch(/shipper/i)
})

test('without all of them the servers are left', () => {
  const left = services.reduce(withoutContainer, text)
  const servers = Object.entries(servicesOf(text)).flatMap(([name, { image }]) =>
    image.startsWith('armature/') ? [] : [name],
  )
  expect(Object.keys(servicesOf(left))).toEqual(servers)
})

test('what depends on nothing any more has no empty list', () => {
  const yaml =
    'services:\n  # One\n  a:\n    image: x\n\n  b:\n    image: y\n    depends_on:\n      a: { condition: service_healthy }\n'
  expect(withoutContainer(yaml, 'a')).toBe('services:\n  b:\n    image: y\n')
})
