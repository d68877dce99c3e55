import { randomBytes } from 'node:crypto'
import { existsSync, lstatSync, mkdirSync, readdirSync, renameSync, rmdirSync, rmSync } from 'node:fs'
import { basename, delimiter, dirname, join, resolve } from 'node:path'
import type { Choices } from '../begin/choices.ts'
import { unpackFiles } from './archive.ts'
import { Failure, ioFailed, unavailable, usage } from './failure.ts'
import { runProgram } from './run-program.ts'

/** What a platform is made of. */
export interface Making {
  readonly folder: string
  readonly choices: Choices
  /** The template. */
  readonly archive: Buffer
  /** Called with each step, before it begins. */
  readonly say: (step: string) => void
  /** Ends the work: then nothing is left behind either. */
  readonly signal: AbortSignal
}

/**
 * Makes a platform in a folder that is not there or is empty. It grows beside that folder under another name and takes its place when it is
 * complete: whatever fails before leaves nothing behind. Throws Failure.
 */
export const makePlatform = async ({ folder, choices, archive, say, signal }: Making): Promise<void> => {
  const place = resolve(folder)
  checkPlace(place)
  const work = join(dirname(place), `.${basename(place)}-${randomBytes(4).toString('hex')}`)
  io(() => mkdirSync(work))
  try {
    say('Copying the template')
    io(() => unpackFiles(archive, work))
    await grow(work, choices, say, signal)
    io(() => {
      if (existsSync(place)) rmdirSync(place)
      renameSync(work, place)
    })
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
}

/** Throws unless a platform can be made there. */
export const checkPlace = (place: string): void => {
  const parent = dirname(place)
  if (!existsSync(parent)) throw new Failure(`There is no folder ${parent}: make it, or choose another place.`, usage)
  const stat = lstatSync(place, { throwIfNoEntry: false })
  if (stat === undefined) return
  if (!stat.isDirectory()) throw new Failure(`${place} is there, and is no folder: choose another place.`, usage)
  if (readdirSync(place).length > 0)
    throw new Failure(`The folder ${place} is not empty: choose another place, or empty it.`, usage)
}

const grow = async (
  work: string,
  { name, scope, services, brokers }: Choices,
  say: (step: string) => void,
  signal: AbortSignal,
): Promise<void> => {
  const env = environmentIn(work)
  const run = (command: string, args: readonly string[], fix: string) =>
    runProgram(command, args, { cwd: work, env, signal, fix })
  const git = (...args: string[]) => run('git', args, 'Install git, and look at what it says')
  const npm = (...args: string[]) =>
    run(
      'npm',
      [...args, '--no-audit', '--no-fund', '--loglevel=error'],
      'Check the network and `npm config get registry`',
    )

  await git('init', '--quiet', '--initial-branch=main')
  await git('add', '--all')
  say('Installing packages (npm ci)')
  await npm('ci', '--include=dev', '--engine-strict=false')
  say(`Making it ${name}`)
  const options = [`--scope=${scope}`, `--services=${services.join()}`, `--brokers=${brokers.join()}`, '--force']
  await run('nx', ['g', '@armature/scaffold:begin', name, ...options], 'Choose another name or another scope')
  await npm('install', '--include=dev', '--engine-strict=false')
  rmSync(join(work, '.nx'), { recursive: true, force: true })
  await git('add', '--all')
  // The platform is complete without the commit, which an identity, a key or a hook may prevent.
  try {
    await git('config', 'user.email')
    await git('commit', '--quiet', '--message', 'chore: begin')
  } catch (error) {
    signal.throwIfAborted()
    say(`The first commit is left to you, since git made none: ${(error as Error).message.trim()}`)
  }
}

/** Programs of the new workspace come first, and nothing of the npm that started this one gets in their way. */
const environmentIn = (work: string): NodeJS.ProcessEnv => {
  const inherited = Object.entries(process.env).filter(
    ([name]) =>
      !/^(?:npm_(?!config_)|npm_config_local_prefix$|GIT_(?:DIR|WORK_TREE|INDEX_FILE|PREFIX)$|INIT_CWD$)/.test(name),
  )
  const path = [join(work, 'node_modules', '.bin'), process.env['PATH']].join(delimiter)
  return { ...Object.fromEntries(inherited), PATH: path, NX_DAEMON: 'false', NX_TUI: 'false' }
}

const io = <Result>(work: () => Result): Result => {
  try {
    return work()
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    const fix = code === 'ENOSPC' ? 'free some disk space' : 'check who may write there'
    throw new Failure(`${(error as Error).message}: ${fix}.`, code === '' ? unavailable : ioFailed)
  }
}
