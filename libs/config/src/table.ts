import { describeSettings, type Setting, type Settings } from './schema.ts'

/** The settings as a Markdown table for a README: key, flag, env variable, default, what it is. */
export const settingsTable = (settings: Settings): string => {
  const rows = describeSettings(settings).map(cells)
  const header = ['Setting', 'Flag', 'Env', 'Default', 'What it is']
  return `${[header, header.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')}\n`
}

const cells = (setting: Setting): readonly string[] => {
  const { key, flag, short, env, fileVariable, kind, secret, hot, required, defaultValue, description } = setting
  const flags = [...(short === undefined ? [] : [`-${short}`]), kind === 'toggle' ? `--[no-]${flag}` : `--${flag}`]
  const variables = fileVariable === undefined ? [env] : [env, fileVariable]
  const notes = [...(secret ? ['secret'] : []), ...(hot ? ['takes effect at once'] : [])]
  return [
    code(key),
    flags.map(code).join(', '),
    variables.map(code).join(', '),
    required ? 'required' : defaultValue === undefined ? 'none' : code(textOf(defaultValue)),
    escape(notes.length === 0 ? description : `${description} (${notes.join('; ')})`),
  ]
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))

const code = (text: string): string => (text === '' ? '`""`' : `\`${escape(text)}\``)

const escape = (text: string): string => text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ')
