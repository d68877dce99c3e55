import * as z from 'zod'
import { commonSettings, databaseSettings, messagingSettings } from './common.ts'
import { consulSettings, kvSettings, registrationSettings } from './consul.ts'
import type { Settings } from './schema.ts'

/** Settings that several services share, as SETTINGS.md lists them. */
export interface SettingGroup {
  /** The heading of the group in SETTINGS.md. */
  readonly title: string
  readonly settings: Settings
}

/** All groups of shared settings, in the order of SETTINGS.md. */
export const settingGroups: readonly SettingGroup[] = [
  { title: 'Every service', settings: z.object(commonSettings) },
  { title: 'Broker', settings: z.object(messagingSettings) },
  { title: 'Database', settings: z.object(databaseSettings) },
  { title: 'Consul', settings: z.object(consulSettings) },
  { title: 'Settings in KV', settings: z.object(kvSettings) },
  { title: 'Registration', settings: z.object(registrationSettings) },
]

/**
 * Splits a service's settings into the groups that it shares and those of its own. A shared setting with another default or description is
 * one of its own.
 */
export const splitSettings = (
  settings: Settings,
): { readonly own: Settings; readonly groups: readonly SettingGroup[] } => {
  const has = (key: string, schema: unknown) => settings.shape[key] === schema
  const groups = settingGroups.filter((group) => Object.entries(group.settings.shape).some(([key, it]) => has(key, it)))
  const isShared = ([key, schema]: [string, unknown]) => groups.some((group) => group.settings.shape[key] === schema)
  const own = Object.entries(settings.shape).filter((entry) => !isShared(entry))
  return { own: z.object(Object.fromEntries(own)), groups }
}
