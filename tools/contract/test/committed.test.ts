import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describeSettings, type Settings } from '@armature/config/schema'
import { pathToFileURL } from 'node:url'
import { expect, test } from 'vitest'
import { contractFiles, drift } from '../src/contract-files.ts'
import { checkContracts } from '../src/check.ts'
import { readDeclared } from '../src/declared.ts'
import { noWires, wires } from '../src/wires.ts'

const root = join(import.meta.dirname, '../../..')
const services = await readDeclared(root)

test('what is committed follows from the code: else npm run tables writes it anew', async () => {
  expect(drift(root, await contractFiles(root, services))).toEqual([])
})

test('no change breaks a consumer or a client', async () => {
  expect(await checkContracts(root)).toEqual([])
})

test.each(services.map(({ service }) => service))(
  'every setting of %s that names a place has its arrow, or none',
  async (service) => {
    const path = join(root, 'apps', service, 'src/config.ts')
    const { settings } = (await import(pathToFileURL(path).href)) as { settings: Settings }
    const naming = describeSettings(settings)
      .map(({ key }) => key)
      .filter((key) => /(?:Url|Host|Hosts|Addr|Address|Endpoint|Brokers|Port)$/.test(key))
    expect(naming.filter((key) => !(key in wires) && !noWires.includes(key))).toEqual([])
    expect(naming.length).toBeGreaterThan(0)
  },
)

test('each app that has events has the target contract, by which Nx checks them', () => {
  const lacking = services.filter(({ service }) => {
    const app = join(root, 'apps', service)
    const { nx } = JSON.parse(readFileSync(join(app, 'package.json'), 'utf8')) as {
      nx: { targets?: Readonly<Record<string, unknown>> }
    }
    return existsSync(join(app, 'src/events.ts')) && nx.targets?.['contract'] === undefined
  })
  expect(lacking).toEqual([])
})
