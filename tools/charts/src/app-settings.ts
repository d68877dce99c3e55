import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { settingsJsonSchema } from '@armature/config/json-schema'
import { describeSettings, type Setting, type Settings } from '@armature/config/schema'

/** The settings of an app, as its chart takes them. */
export interface AppSettings {
  /** Those that `config` holds. */
  readonly plain: readonly Setting[]
  /** Those that come from Secrets. */
  readonly secrets: readonly SecretSetting[]
  /** The settings that a running pod takes from a changed file. */
  readonly hot: readonly string[]
  /** The JSON schema of each plain setting, without its default. */
  readonly schemas: Readonly<Record<string, JsonSchema>>
}

export interface SecretSetting {
  readonly setting: Setting
  /** The environment variable that names the file of the secret. */
  readonly fileVariable: string
}

export type JsonSchema = Readonly<Record<string, unknown>>

/** Reads the schema of an app from its `src/config.ts`. */
export const readAppSettings = async (root: string, app: string): Promise<AppSettings> => {
  const { settings } = (await import(pathToFileURL(join(root, 'apps', app, 'src/config.ts')).href)) as {
    settings: Settings
  }
  return appSettings(settings)
}

/** Splits settings into those of `config` and those of Secrets. A secret that no file can give is left out. */
export const appSettings = (settings: Settings): AppSettings => {
  const described = describeSettings(settings)
  const fileSettings = new Map(described.map((setting) => [setting.env, setting]))
  const secrets = described.flatMap((setting) => {
    const fileVariable = setting.fileVariable ?? fileSettings.get(`${setting.env}_FILE`)?.env
    return setting.secret && fileVariable !== undefined ? [{ setting, fileVariable }] : []
  })
  const ofSecrets = new Set(secrets.map(({ fileVariable }) => fileVariable))
  const plain = described.filter(({ secret, env }) => !secret && !ofSecrets.has(env))
  const { properties } = settingsJsonSchema(settings) as { properties: Record<string, JsonSchema> }
  return {
    plain,
    secrets,
    hot: plain.filter(({ hot }) => hot).map(({ key }) => key),
    schemas: Object.fromEntries(plain.map(({ key }) => [key, inChart(key, properties[key] ?? {})])),
  }
}

/** A setting whose value is a port that a Service must know: any free one will not do. */
export const isServedPort = (key: string): boolean => /^(http|grpc|api|statsdListen)Port$/.test(key)

/** A text may be a template, which no pattern fits. */
const template = { pattern: '\\{\\{' }

const inChart = (key: string, { default: _, ...schema }: JsonSchema): JsonSchema => {
  if (isServedPort(key)) return { ...schema, minimum: 1 }
  const { pattern, ...rest } = schema
  return pattern === undefined ? schema : { ...rest, anyOf: [template, { pattern }] }
}
