// Makes a checkout ready to run: packages, Node 24, the embedded database's templates. Called before start, test and check.
// It uses no package and runs on Node 20, since what it installs is not there yet. When nothing is to do it ends at once.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { delimiter, dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Failure, lock, run, say } from './set-up-step.mjs'

const oldestNode = 20
const wantedNode = 24
const oldestNpm = 10
const prepareLimitMs = 300_000
const unavailable = 69
const badConfig = 78

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..')
const binFolder = join(root, 'node_modules', '.bin')
const ownNode = join(binFolder, 'node')
const stampPath = join(root, 'node_modules', '.armature-set-up')
const npmRecordPath = join(root, 'node_modules', '.package-lock.json')
const lockPath = join(root, '.nx', 'set-up.lock')

const read = (path) => {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

const json = (path) => {
  try {
    return JSON.parse(readFileSync(path, 'utf8'))
  } catch {
    return undefined
  }
}

const list = (folder) => {
  try {
    return readdirSync(folder).sort()
  } catch {
    return []
  }
}

/** Commands that fill caches: the `src/prepare.ts` of projects, libraries first. Each prints the folders it made, one a line. */
const preparations = () => {
  const found = projects().filter((project) => existsSync(join(root, project, 'src', 'prepare.ts')))
  const isLibrary = (project) => project.startsWith('libs')
  return [...found.filter(isLibrary), ...found.filter((project) => !isLibrary(project))].map((project) => ({
    what: `Preparing ${project}`,
    path: `${project}/src/prepare.ts`,
  }))
}

const digest = (parts) => createHash('sha256').update(parts.join('\0')).digest('hex')

const projects = () =>
  (json(join(root, 'package.json'))?.workspaces ?? []).flatMap((pattern) => {
    const folder = pattern.replace(/\/\*$/, '')
    return list(join(root, folder)).map((name) => join(folder, name))
  })

/** The key of the installed packages: it covers the lock and the dependencies of each package.json, on this platform. */
const packagesKey = () => {
  const wishes = ['.', ...projects()].map((project) => {
    const manifest = json(join(root, project, 'package.json')) ?? {}
    const { dependencies, devDependencies, optionalDependencies, overrides, allowScripts } = manifest
    return JSON.stringify([project, dependencies, devDependencies, optionalDependencies, overrides, allowScripts])
  })
  return digest([process.platform, process.arch, read(join(root, 'package-lock.json')) ?? '', ...wishes])
}

/** The key of the templates: it covers the sources of the projects that have a preparation, and the folder of the caches. */
const templatesKey = () => {
  const sources = preparations().flatMap(({ path }) => {
    const folder = dirname(path)
    const names = list(join(root, folder)).filter((name) => name.endsWith('.ts') && !name.endsWith('.test.ts'))
    return names.map((name) => `${name}\0${read(join(root, folder, name))}`)
  })
  return digest([process.env.XDG_CACHE_HOME ?? '', homedir(), ...sources])
}

/**
 * Whether node_modules has everything the lock asks for: so after `npm install` by hand. npm writes its record when all is in
 * place; but `--package-lock-only` writes it too, hence the look into each package.
 */
const installedMatchesLock = () => {
  const wanted = json(join(root, 'package-lock.json'))?.packages
  const record = json(npmRecordPath)?.packages
  if (wanted === undefined || record === undefined) return false
  return Object.entries(wanted).every(([path, entry]) => {
    if (!path.startsWith('node_modules/')) return true
    const found = record[path]
    const manifest = json(join(root, path, 'package.json'))
    if (found === undefined || manifest === undefined) return entry.optional === true || entry.devOptional === true
    if (entry.link) return found.link === true
    return found.integrity === entry.integrity && manifest.version === entry.version
  })
}

/** The version of this node, or undefined when it cannot be run. */
const nodeVersion = (path) => {
  const { status, stdout } = spawnSync(path, ['--version'], { encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}

const major = (version) => Number(/^v?(\d+)/.exec(version ?? '')?.[1] ?? 0)

/** PATH without the folder that `npm ci` is about to empty. */
const outerPath = () => (process.env.PATH ?? '').split(delimiter).filter((folder) => resolve(folder) !== binFolder)

/** The way to mend a failed `npm ci`, by the output of npm. */
export const fixOfNpm = (output) => {
  const fixes = [
    [
      /can only install packages when your package\.json and package-lock\.json/,
      'run `npm install` and commit package-lock.json',
    ],
    [
      /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ERR_SOCKET_TIMEOUT/,
      'check the network and `npm config get registry`, then try again',
    ],
    [
      /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY/,
      'tell npm your certificate authority: `npm config set cafile PATH`',
    ],
    [/E401|E403/, 'log in to the registry: `npm login`'],
    [/ENOSPC/, 'free some disk space'],
    [/EACCES|EPERM/, 'make the checkout and `npm config get cache` writable for this user'],
    [/EINTEGRITY/, 'run `npm cache verify`, then try again'],
  ]
  return fixes.find(([pattern]) => pattern.test(output))?.[1] ?? 'run `npm ci` to see all of its output'
}

/** Why these versions cannot install the workspace, or undefined. */
export const versionProblem = (node, npm) => {
  if (major(node) < oldestNode) {
    return `Node ${node} is too old to install the workspace: install Node ${oldestNode} or newer (Node ${wantedNode} itself comes with the packages).`
  }
  if (npm === undefined) return `npm is not on PATH: install Node ${oldestNode} or newer together with its npm.`
  if (major(npm) < oldestNpm) return `npm ${npm} is too old: run \`npm install --global npm@11\`.`
  return undefined
}

const installPackages = async () => {
  const env = { ...process.env, PATH: outerPath().join(delimiter) }
  const npm = spawnSync('npm', ['--version'], { encoding: 'utf8', env })
  const problem = versionProblem(process.version, npm.status === 0 ? npm.stdout.trim() : undefined)
  if (problem !== undefined) throw new Failure(problem, badConfig)
  // npm empties node_modules first; stopped in the middle of that, it must not look whole.
  for (const record of [stampPath, npmRecordPath]) rmSync(record, { force: true })
  const args = ['ci', '--include=dev', '--engine-strict=false', '--no-audit', '--no-fund', '--loglevel=error']
  const result = await run('Installing packages (npm ci)', 'npm', args, { cwd: root, env })
  if (!result.ok) {
    throw new Failure(`${tail(result.output)}\nnpm ci failed: ${fixOfNpm(result.output)}.`, unavailable)
  }
}

const checkNode = () => {
  const version = nodeVersion(ownNode)
  if (major(version) >= wantedNode) return
  const scripts = spawnSync('npm', ['config', 'get', 'ignore-scripts'], { encoding: 'utf8', cwd: root }).stdout?.trim()
  const reason = scripts === 'true' ? 'npm is set to ignore install scripts' : 'its install script did not end well'
  throw new Failure(
    `node_modules/.bin/node is ${version ?? 'missing'}, Node ${wantedNode} is needed: ${reason}.\n` +
      'Run `npm rebuild node esbuild --ignore-scripts=false`, then try again.',
    badConfig,
  )
}

const prepareTemplates = async () => {
  const made = []
  for (const { what, path } of preparations()) {
    const env = { ...process.env, PATH: [binFolder, ...outerPath()].join(delimiter) }
    const result = await run(what, ownNode, [join(root, path)], { cwd: root, env, limitMs: prepareLimitMs })
    if (!result.ok) {
      throw new Failure(
        `${tail(result.output)}\n${what} failed: run \`npx node ${path}\` to see it alone.`,
        unavailable,
      )
    }
    made.push(...result.printed.split('\n').filter((line) => existsSync(line)))
  }
  return made
}

/** The end of what a step wrote, without the manual that npm adds to a usage error. */
const tail = (output) =>
  output
    .split(/^npm error Clean install a project/m)[0]
    .trimEnd()
    .split('\n')
    .slice(-40)
    .join('\n')

const packagesReady = (stamp) => stamp?.packages === packagesKey() && existsSync(ownNode)
const templatesReady = (stamp) => stamp?.templates === templatesKey() && (stamp.made ?? []).every(existsSync)

const makeReady = async () => {
  let stamp = json(stampPath)
  if (!packagesReady(stamp)) {
    if (!existsSync(ownNode) || !installedMatchesLock()) await installPackages()
    checkNode()
    stamp = { ...stamp, packages: packagesKey() }
    writeFileSync(stampPath, JSON.stringify(stamp))
  }
  if (!templatesReady(stamp)) {
    const made = await prepareTemplates()
    writeFileSync(stampPath, JSON.stringify({ ...stamp, templates: templatesKey(), made }))
  }
}

const setUp = async (quiet) => {
  const stamp = json(stampPath)
  if (!packagesReady(stamp) || !templatesReady(stamp)) {
    const release = await lock(lockPath)
    try {
      await makeReady()
    } finally {
      release()
    }
  }
  if (!quiet) say(`Ready: Node ${nodeVersion(ownNode)?.slice(1)}, packages and templates are in place.`)
}

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  try {
    await setUp(process.argv.includes('--quiet'))
  } catch (fault) {
    if (!(fault instanceof Failure)) throw fault
    say(fault.message)
    process.exitCode = fault.exitCode
  }
}
