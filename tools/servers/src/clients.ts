import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder, kept } from './cache.ts'
import { type Environment, executable, execute, onPath } from './execute.ts'
import { withLock } from './lock.ts'

const grpcurlVersion = 'v1.9.4'
const pythonPackages = ['grpcio==1.85.1', 'grpcio-tools==1.85.1']
const installDeadlineMs = 600_000

/** How a headless Chromium is started for a test: no sandbox (containers have none), and no request but the test's. */
export const chromiumArguments: readonly string[] = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

/** The path of grpcurl: PATH's, or one built by Go and kept. Rejects with one line that says what to install. */
export const grpcurl = async (env: Environment = process.env): Promise<string> => {
  const found = await onPath(['grpcurl'], env)
  if (found !== undefined) return found
  const name = `grpcurl-${grpcurlVersion}`
  const folder = await kept(name, { deadlineMs: installDeadlineMs, env, say }, async (draft) => {
    const go = await onPath(['go'], env)
    if (go === undefined)
      throw new Error('grpcurl is not on PATH and neither is go: install grpcurl, or Go 1.24 or newer')
    say(`${name}: go install, about a minute`)
    await execute(go, ['install', `github.com/fullstorydev/grpcurl/cmd/grpcurl@${grpcurlVersion}`], {
      deadlineMs: installDeadlineMs,
      env: { ...env, GOBIN: draft },
    }).catch(oneLine('grpcurl could not be built: give go access to its module proxy, or put grpcurl on PATH'))
  })
  return join(folder, 'grpcurl')
}

/** The path of a Python that has grpcio and grpcio-tools: a kept virtual environment. */
export const pythonGrpc = async (env: Environment = process.env): Promise<string> => {
  const name = `python-${pythonPackages[1]?.replace('==', '-')}`
  const folder = await kept(name, { deadlineMs: installDeadlineMs, env, say }, async (draft) => {
    const python = await onPath(['python3'], env)
    if (python === undefined) throw new Error('python3 is not on PATH: install Python 3.10 or newer')
    say(`${name}: virtual environment and ${pythonPackages.join(', ')}`)
    await virtualEnvironment(python, draft, env)
    await execute(join(draft, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...pythonPackages], {
      deadlineMs: installDeadlineMs,
      env,
    }).catch(oneLine(`pip could not install ${pythonPackages.join(' ')}: give pip access to its package index`))
  })
  return join(folder, 'bin', 'python')
}

/** The path of a Chromium or Chrome: PATH's, macOS's application, or Debian's package, which only root can install. */
export const chromium = async (env: Environment = process.env): Promise<string> => {
  const find = async () =>
    (await onPath(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'], env)) ??
    ((await executable(macChrome)) ? macChrome : undefined)
  const found = await find()
  if (found !== undefined) return found
  await aptInstall('chromium', 'install Chromium or Chrome and put it on PATH', env)
  const installed = await find()
  if (installed === undefined)
    throw new Error('apt-get installed chromium, but PATH does not have it: add /usr/bin to PATH')
  return installed
}

const macChrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'

const virtualEnvironment = async (python: string, folder: string, env: Environment): Promise<void> => {
  const create = () => execute(python, ['-m', 'venv', '--clear', folder], { deadlineMs: installDeadlineMs, env })
  try {
    await create()
  } catch (fault) {
    if (!(fault instanceof Error) || !/ensurepip|No module named venv/.test(fault.message)) throw fault
    await aptInstall('python3-venv', 'install the venv module of this python3', env)
    await create()
  }
}

/** Installs a Debian package, as root; one process at a time. Rejects with `remedy` where that is not possible. */
export const aptInstall = async (name: string, remedy: string, env: Environment): Promise<void> => {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  const aptGet = await onPath(['apt-get'], env)
  if (aptGet === undefined || !/^ID(_LIKE)?=.*debian/m.test(release) || process.getuid?.() !== 0) {
    throw new Error(`${name} is missing and only root on Debian may install it by itself: ${remedy}`)
  }
  const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', name]
  const options = { deadlineMs: installDeadlineMs, env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } }
  await withLock(join(cacheFolder(env), 'apt-get.lock'), { deadlineMs: installDeadlineMs }, async () => {
    say(`${name}: apt-get update && apt-get ${install.join(' ')}`)
    await execute(aptGet, ['update', '-q'], options)
    await execute(aptGet, install, options)
  }).catch(oneLine(`apt-get could not install ${name}: ${remedy}`))
}

const say = (line: string) => void process.stderr.write(`${line}\n`)

/** The remedy as the message; the command's own output goes to the cause. */
const oneLine =
  (message: string) =>
  (cause: unknown): never => {
    throw new Error(message, { cause })
  }
