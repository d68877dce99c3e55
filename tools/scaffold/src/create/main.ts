import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { choicesOf } from '../begin/choices.ts'
import { Refusal } from '../refusal.ts'
import { answersOf, type Ask, help, readCommandLine } from './command-line.ts'
import { Failure, usage } from './failure.ts'
import { checkPlace, makePlatform } from './make-platform.ts'

// npm create armature@latest: `create-armature FOLDER`, the program of the package that pack.ts makes.

const interrupted = 130
const say = (line: string): void => console.error(line)

const withQuestions = async <Result>(work: (ask: Ask | undefined) => Promise<Result>): Promise<Result> => {
  if (!process.stdin.isTTY) return work(undefined)
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return await work(async (question, otherwise) => {
      const answer = (await terminal.question(`${question} (${otherwise}) `)).trim()
      return answer === '' ? otherwise : answer
    })
  } finally {
    terminal.close()
  }
}

const create = async (): Promise<void> => {
  const line = readCommandLine(process.argv.slice(2))
  if (line.help) return console.log(help)
  if (line.folder !== undefined) checkPlace(line.folder)
  const { folder, ...answers } = await withQuestions((ask) => answersOf(line, ask))
  const choices = choicesOf(answers)
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort())
  const archive = readFileSync(new URL('template.json.gz', import.meta.url))
  try {
    await makePlatform({ folder, choices, archive, say, signal: stop.signal })
  } catch (error) {
    if (!stop.signal.aborted) throw error
    say('Stopped. Nothing is left behind.')
    process.exitCode = interrupted
    return
  }
  console.log(`\n  cd ${folder}\n  npm start\n`)
}

try {
  await create()
} catch (error) {
  if (!(error instanceof Failure || error instanceof Refusal)) throw error
  say(error.message)
  process.exitCode = error instanceof Failure ? error.exitCode : usage
}
