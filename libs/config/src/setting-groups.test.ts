import { expect, test } from 'vitest'
import * as z from 'zod'
import { commonSettings, messagingSettings } from './common.ts'
import { kvSettings } from './consul.ts'
import { settingGroups, splitSettings } from './setting-groups.ts'
import { port } from './settings.ts'

const split = (settings: z.ZodObject) => {
  const { own, groups } = splitSettings(settings)
  return { own: Object.keys(own.shape), groups: groups.map(({ title }) => title) }
}

test('what a service shares with others and what is its own are told apart', () => {
  const settings = z.object({ ...commonSettings, ...messagingSettings, grpcPort: port() })
  expect(split(settings)).toEqual({ own: ['grpcPort'], groups: ['Every service', 'Broker'] })
})

test('also below a rule over several settings', () => {
  const settings = z.object({ ...commonSettings, grpcPort: port() }).refine(({ grpcPort }) => grpcPort !== 1)
  expect(split(settings)).toEqual({ own: ['grpcPort'], groups: ['Every service'] })
})

test('a shared setting with another default is its own', () => {
  const settings = z.object({ ...commonSettings, logLevel: commonSettings.logLevel.default('warn') })
  expect(split(settings)).toEqual({ own: ['logLevel'], groups: ['Every service'] })
})

test('a group that is taken in part is shared', () => {
  const { configKvSplayMs: _, ...without } = kvSettings
  expect(split(z.object(without))).toEqual({ own: [], groups: ['Settings in KV'] })
})

test('no setting is in two groups', () => {
  const keys = settingGroups.flatMap(({ settings }) => Object.keys(settings.shape))
  expect(new Set(keys).size).toBe(keys.length)
})
