import { basename, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type Answers, chartBrokers, defaultBrokers, exampleServices } from '../begin/choices.ts'
import { Failure, usage } from './failure.ts'

/** What the command line says. */
export interface CommandLine extends Partial<Answers> {
  readonly folder: string | undefined
  /** Take the defaults for what is not said. */
  readonly yes: boolean
  readonly help: boolean
}

export const help = `Makes a platform of services in a new folder.

  npm create armature@latest FOLDER -- [options]

  --name NAME          its name: lower-case words with hyphens, at most 20 characters (default: that of the folder)
  --scope @SCOPE       the scope of its packages (default: @ and the name)
  --services LIST      the example services that stay: ${exampleServices.join(',')} (default: all)
  --brokers LIST       what its chart installs: ${chartBrokers.join(',')} (default: ${defaultBrokers.join()})
  -y, --yes            ask nothing, and take the defaults for what is not said
  -h, --help           show this

It needs Node 20 or newer, npm 10 or newer, and git. It installs the packages, which takes a minute or two.`

/** Reads the command line. Throws Failure for a flag that is not known. */
export const readCommandLine = (args: readonly string[]): CommandLine => {
  try {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        scope: { type: 'string' },
        services: { type: 'string' },
        brokers: { type: 'string' },
        yes: { type: 'boolean', short: 'y', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    })
    if (positionals.length > 1) throw new Error(`There is more than one folder (${positionals.join(', ')})`)
    return { folder: positionals[0], ...values }
  } catch (error) {
    throw new Failure(`${(error as Error).message}. Run it with --help to see what it takes.`, usage)
  }
}

/** Asks a person: shows the default, and resolves with the answer or the default. */
export type Ask = (question: string, otherwise: string) => Promise<string>

/** The folder, and the answers to all questions: by flags, by `ask`, or by default with `--yes`. Throws Failure where an answer is missing. */
export const answersOf = async (
  { folder, yes, help: _, ...given }: CommandLine,
  ask: Ask | undefined,
): Promise<Answers & { readonly folder: string }> => {
  const asked = async (flag: string, answer: string | undefined, question: string, otherwise: string) => {
    if (answer !== undefined) return answer
    if (yes) return otherwise
    if (ask !== undefined) return ask(question, otherwise)
    throw new Failure(
      `Nobody can be asked, since this is no terminal, and ${flag} is not given. Give it, or --yes for the defaults.`,
      usage,
    )
  }
  const place = await asked('the folder', folder, 'In which folder?', 'my-platform')
  const name = await asked('--name', given.name, 'What is the platform called?', basename(resolve(place)))
  return {
    folder: place,
    name,
    scope: await asked('--scope', given.scope, 'What is the scope of its packages?', `@${name}`),
    services: await asked('--services', given.services, 'Which example services stay?', exampleServices.join()),
    brokers: await asked('--brokers', given.brokers, 'Which brokers does its chart install?', defaultBrokers.join()),
  }
}
