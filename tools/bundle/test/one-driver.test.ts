import { readdirSync, readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { bundle } from '../src/bundle.ts'

const workspace = join(import.meta.dirname, '../../..')
const noDrivers = ['messaging-kit', 'messaging-drivers', 'messaging-commands']
const drivers = readdirSync(join(workspace, 'libs')).filter(
  (name) => name.startsWith('messaging-') && !noDrivers.includes(name),
)

/** The packages of others that the driver's library declares: its client, and what it reads compressed records with. */
const declaredBy = (driver: string): string[] => {
  const manifest = JSON.parse(readFileSync(join(workspace, 'libs', driver, 'package.json'), 'utf8')) as {
    readonly dependencies: Readonly<Record<string, string>>
  }
  return Object.keys(manifest.dependencies).filter((name) => !name.startsWith('@armature/'))
}
const declared = new Map(drivers.map((driver) => [driver, declaredBy(driver)]))

/** The bundle of a program that imports this one driver and nothing else. */
const bundled = async (driver: string) => {
  const room = await mkdtemp(join(tmpdir(), `one-driver-${driver}-`))
  onTestFinished(() => rm(room, { recursive: true, force: true }))
  await symlink(join(workspace, 'node_modules'), join(room, 'node_modules'))
  await mkdir(join(room, 'src'))
  await writeFile(join(room, 'package.json'), JSON.stringify({ name: 'one-driver', version: '0.0.0' }))
  await writeFile(join(room, 'src/main.ts'), `console.log(await import('@armature/${driver}/driver'))\n`)
  return bundle(room, join(room, 'dist'))
}

test('each protocol has a library of its own', () => {
  expect(drivers.length).toBeGreaterThanOrEqual(5)
  expect([...declared.values()].flat()).toEqual(expect.arrayContaining(['amqplib', 'kafkajs', '@redis/client']))
})

test.each(drivers)(
  'a program that names %s alone bundles its client and no other',
  { timeout: 60_000 },
  async (driver) => {
    const { packages } = await bundled(driver)
    const own = declared.get(driver) ?? []
    const others = [...declared].flatMap(([name, clients]) => (name === driver ? [] : clients))
    expect(own.length === 0 || packages.some((name) => own.includes(name))).toBe(true)
    expect(packages.filter((name) => others.includes(name) && !own.includes(name))).toEqual([])
  },
)
