import { generator } from '../generator.ts'
import { checkIdentifier } from '../names.ts'
import { Refusal } from '../refusal.ts'
import { writeTables } from '../tables.ts'

type Kind = 'text' | 'integer' | 'decimal' | 'port' | 'durationMs' | 'bytes' | 'toggle' | 'host' | 'url'

/** The options of `setting`. */
export interface SettingOptions {
  readonly app: string
  readonly key: string
  readonly description: string
  readonly type: Kind
  /** Nx reads digits as a number. */
  readonly default?: string | number | boolean
  readonly secret?: boolean
}

/** Adds a setting to an app: in its schema, and in every table and chart that follows from that. */
export const setting = generator<SettingOptions>(async (tree, options) => {
  const { app, key, type } = options
  checkIdentifier(key, 'setting', /^[a-z][a-zA-Z0-9]*$/, 'a word in camelCase, such as maxRetries')
  const path = `apps/${app}/src/config.ts`
  const before = /^[a-z0-9-]+$/.test(app) ? tree.read(path, 'utf8') : null
  if (before === null) throw new Refusal(`There is no ${path}`, 'Name an app, such as reactor')
  if (new RegExp(`^ *${key}:`, 'm').test(before))
    throw new Refusal(`${path} has the setting ${key} already`, 'Choose another name')
  tree.write(path, withImport(withEntry(before, path, entryOf(options)), type))
  await writeTables(tree)
})

const end = '\n})\n\nexport type Config'

const withEntry = (text: string, path: string, entry: string): string => {
  if (!text.includes(end))
    throw new Refusal(`${path} does not end its schema before "export type Config"`, 'Add the setting by hand')
  return text.replace(end, () => `\n${entry}${end}`)
}

const entryOf = ({ key, type, description, default: given, secret = false }: SettingOptions): string => {
  const meta = `.meta({ description: ${quoted(description)}${secret ? ', secret: true' : ''} })`
  return `  ${key}: ${type}()${given === undefined ? '.optional()' : `.default(${literal(type, String(given))})`}${meta},`
}

const numbers: ReadonlySet<string> = new Set(['integer', 'decimal', 'port', 'durationMs', 'bytes'])

const literal = (type: string, value: string): string => {
  if (numbers.has(type) && (value.trim() === '' || !Number.isFinite(Number(value))))
    throw new Refusal(`The default ${JSON.stringify(value)} is no number`, `A setting of type ${type} needs one`)
  if (type === 'toggle' && !/^(true|false)$/.test(value))
    throw new Refusal(`The default ${JSON.stringify(value)} is neither true nor false`, 'A toggle is one of them')
  return numbers.has(type) ? String(Number(value)) : type === 'toggle' ? value : quoted(value)
}

const quoted = (text: string): string => JSON.stringify(text)

const imported = /import \{ ([^}]*) \} from '@armature\/config\/settings'\n/

const withImport = (text: string, type: string): string => {
  const names =
    imported
      .exec(text)?.[1]
      ?.split(',')
      .map((name) => name.trim()) ?? []
  if (names.includes(type)) return text
  const line = `import { ${[...names, type].filter(Boolean).sort().join(', ')} } from '@armature/config/settings'\n`
  return names.length > 0 ? text.replace(imported, line) : line + text
}
