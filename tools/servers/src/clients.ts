import { join } from 'node:path'
import { aptProgram } from './apt.ts'
import { kept } from './cache.ts'
import { type Environment, executable, execute, onPath } from './execute.ts'
import { goInstall } from './go.ts'
import { oneLine, say } from './progress.ts'
import { pythonWithModule } from './python.ts'

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
export const grpcurl = (env: Environment = process.env): Promise<string> =>
  goInstall('github.com/fullstorydev/grpcurl/cmd/grpcurl', 'v1.9.4', 'grpcurl', env)

/** The path of ghz, which loads a gRPC server and measures it: PATH's, or one built by Go and kept. */
export const ghz = (env: Environment = process.env): Promise<string> =>
  goInstall('github.com/bojand/ghz/cmd/ghz', 'v0.120.0', 'ghz', env)

/**
 * The path of Helm 3: PATH's, or one built by Go and kept. One that Go built takes itself for Kubernetes 1.20 where it asks no cluster: give it
 * `--kube-version`.
 */
export const helm = (env: Environment = process.env): Promise<string> =>
  goInstall('helm.sh/helm/v3/cmd/helm', 'v3.22.0', 'helm', env)

/** The path of a Python that has grpcio and grpcio-tools. */
export const pythonGrpc = (env: Environment = process.env): Promise<string> =>
  pythonWith('grpcio-tools-1.85.1', ['grpcio==1.85.1', 'grpcio-tools==1.85.1'], env)

/** The path of a Python that has pika, a plain AMQP client. */
export const pythonPika = (env: Environment = process.env): Promise<string> =>
  pythonWith('pika-1.4.4', ['pika==1.4.4'], env)

/** The path of a Python that has nats-py, a plain NATS client. */
export const pythonNats = (env: Environment = process.env): Promise<string> =>
  pythonWith('nats-py-2.16.0', ['nats-py==2.16.0'], env)

/** The path of a Python that has these packages, pinned: a virtual environment, kept by its name. */
const pythonWith = async (name: string, packages: readonly string[], env: Environment): Promise<string> => {
  const folder = await kept(`python-${name}`, { deadlineMs: installDeadlineMs, env, say }, async (draft) => {
    const python = await pythonWithModule('venv', 'install Python 3.10 or newer with its venv module', env)
    say(`python-${name}: virtual environment and ${packages.join(', ')}`)
    await execute(python, ['-m', 'venv', '--clear', draft], { deadlineMs: installDeadlineMs, env })
    await execute(join(draft, 'bin', 'python'), ['-m', 'pip', 'install', '--quiet', ...packages], {
      deadlineMs: installDeadlineMs,
      env,
    }).catch(oneLine(`pip could not install ${packages.join(' ')}: give pip access to its package index`))
  })
  return join(folder, 'bin', 'python')
}

/** The path of amtool, the command line of Alertmanager: PATH's or Debian's package, which only root can install. */
export const amtool = (env: Environment = process.env): Promise<string> =>
  aptProgram(['amtool'], 'prometheus-alertmanager', 'install amtool (prometheus-alertmanager) and put it on PATH', env)

/** The path of dig, which asks a DNS server: PATH's or Debian's package, which only root can install. */
export const dig = (env: Environment = process.env): Promise<string> =>
  aptProgram(['dig'], 'bind9-dnsutils', 'install dig (bind9-dnsutils) and put it on PATH', env)

/** The path of a Chromium or Chrome: PATH's, macOS's application, or Debian's package, which only root can install. */
export const chromium = async (env: Environment = process.env): Promise<string> => {
  const found = await onPath(chromiumNames, env)
  if (found !== undefined) return found
  if (await executable(macChrome)) return macChrome
  return aptProgram(chromiumNames, 'chromium', 'install Chromium or Chrome and put it on PATH', env)
}

const chromiumNames = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const macChrome = '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome'
