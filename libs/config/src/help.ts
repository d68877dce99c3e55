import { show } from './explain.ts'
import type { Positionals } from './flags.ts'
import { describeSettings, type Setting, type Settings } from './schema.ts'

export interface HelpOptions {
  /** The command as it is typed: `alert-monitor send`. */
  name: string
  summary?: string
  /** Undefined: a program that has commands only. */
  settings?: Settings
  positionals?: Positionals
  /** The name of the arguments that may follow `--`: `COMMAND...` */
  rest?: string
  /** What may stand before the name of each variable (see LoadOptions). */
  envPrefix?: string | undefined
  /** Subcommands: name to summary. */
  commands?: Readonly<Record<string, string>>
}

/** The text of --help: usage, subcommands, each setting with its flag, env variable, default and description. */
export const helpText = ({
  name,
  summary,
  settings,
  positionals,
  rest,
  envPrefix = '',
  commands = {},
}: HelpOptions): string => {
  const words = [name, '[flags]', positionals?.usage ?? '', rest === undefined ? '' : `[-- ${rest}]`]
  const names = Object.keys(commands)
  const usages = [
    ...(settings === undefined ? [] : [words]),
    ...(names.length === 0 ? [] : [[name, 'COMMAND', '[flags]']]),
  ]
  return [
    ...usages.map(
      (usage, index) => `${index === 0 ? 'Usage:' : '   or:'} ${usage.filter((word) => word !== '').join(' ')}`,
    ),
    ...(summary === undefined ? [] : ['', summary]),
    ...(names.length === 0 ? [] : ['', 'Commands:', ...columns(Object.entries(commands))]),
    '',
    ...(settings === undefined
      ? [`${name} COMMAND --help lists the flags of a command.`]
      : [
          'Flags (a flag is stronger than the env variable beside it, that than Consul KV, that than the file):',
          ...columns([...describeSettings(settings).map(row), ...builtIn]),
          ...(envPrefix === '' ? [] : ['', prefixText(envPrefix)]),
        ]),
    '',
  ].join('\n')
}

const prefixText = (prefix: string): string =>
  `${prefix}NAME and ${prefix}NAME_FILE are stronger than the env variables NAME and NAME_FILE; a child does not get them.`

const builtIn: readonly (readonly [string, string])[] = [
  ['--config FILE', 'JSON file with settings, a key each'],
  ['-h, --help', 'Print this'],
  ['-V, --version', 'Print the version'],
]

const row = (setting: Setting): readonly [string, string] => {
  const { flag, short, kind, env, fileVariable, description, required, defaultValue } = setting
  const long = kind === 'toggle' ? `--[no-]${flag}` : `--${flag} ${placeholder(setting)}`
  const facts = [
    `env ${env}${fileVariable === undefined ? '' : ` or ${fileVariable}`}`,
    ...(required ? ['required'] : []),
    ...(defaultValue === undefined ? [] : [`default ${show({ secret: false }, defaultValue)}`]),
  ]
  return [short === undefined ? long : `-${short}, ${long}`, `${description} [${facts.join('; ')}]`.trim()]
}

const placeholder = ({ kind, accepts }: Setting): string => {
  if (accepts.startsWith('one of ')) return accepts.slice('one of '.length).split(', ').join('|')
  return { text: 'TEXT', number: 'NUMBER', list: 'ITEM...', json: 'JSON', toggle: '' }[kind]
}

const maxColumn = 34

/** Two columns; a long first one has its second on the next line. */
const columns = (rows: readonly (readonly [string, string])[]): readonly string[] => {
  const width = Math.min(maxColumn, Math.max(...rows.map(([first]) => first.length)))
  return rows.map(([first, second]) =>
    first.length > width ? `  ${first}\n  ${' '.repeat(width)}  ${second}` : `  ${first.padEnd(width)}  ${second}`,
  )
}
