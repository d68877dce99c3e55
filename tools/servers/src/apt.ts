import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { cacheFolder } from './cache.ts'
import { type Environment, execute, onPath } from './execute.ts'
import { withLock } from './lock.ts'
import { oneLine, say } from './progress.ts'

const installDeadlineMs = 900_000
/** Packages ask this program before they start their service; its absence means yes. */
const policyPath = '/usr/sbin/policy-rc.d'
const policy = '#!/bin/sh\n# Written while tests install packages: no service starts by itself.\nexit 101\n'

/**
 * Installs Debian packages, as root, one process at a time; none of their services starts. What is installed and where is said before.
 * Rejects with `remedy` where that is not possible.
 */
export const aptInstall = async (
  names: string | readonly string[],
  remedy: string,
  env: Environment = process.env,
): Promise<void> => {
  const packages = [names].flat()
  const list = packages.join(' ')
  const aptGet = await aptOfRoot(env)
  if (aptGet === undefined) {
    throw new Error(`${list} is missing and only root on Debian may install it by itself: ${remedy}`)
  }
  const install = ['install', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300', ...packages]
  const options = { deadlineMs: installDeadlineMs, env: { ...env, DEBIAN_FRONTEND: 'noninteractive' } }
  const onWait = () => say(`${list}: another process installs packages, waiting`)
  await withLock(join(cacheFolder(env), 'apt-get.lock'), { deadlineMs: installDeadlineMs, onWait }, async () => {
    say(`${list}: installing into the system (/usr) by apt-get install --no-install-recommends ${list}`)
    await withoutServices(async () => {
      try {
        await execute(aptGet, install, options)
      } catch {
        // The lists are missing or old, or an earlier install was killed.
        await execute('dpkg', ['--configure', '-a'], options)
        await execute(aptGet, ['update', '-q'], options)
        await execute(aptGet, install, options)
      }
    })
  }).catch(oneLine(`apt-get could not install ${list}: ${remedy}`))
}

/** The path of the first of these programs that PATH has, after the Debian package was installed where it has none. Rejects with `remedy`. */
export const aptProgram = async (
  names: readonly string[],
  packageName: string,
  remedy: string,
  env: Environment = process.env,
): Promise<string> => {
  const found = await onPath(names, env)
  if (found !== undefined) return found
  await aptInstall(packageName, remedy, env)
  const installed = await onPath(names, env)
  if (installed !== undefined) return installed
  throw new Error(`${packageName} was installed, but PATH does not have ${names.join(' or ')}: add /usr/bin to PATH`)
}

/** The path of apt-get where it may be used: on Debian or its kin, by root. */
export const aptOfRoot = async (env: Environment = process.env): Promise<string | undefined> => {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return /^ID(_LIKE)?=.*debian/m.test(release) && process.getuid?.() === 0 ? onPath(['apt-get'], env) : undefined
}

/** Runs `job` while no package may start its service; another's policy stays, ours of a killed process is removed too. */
export const withoutServices = async (job: () => Promise<void>, path = policyPath): Promise<void> => {
  const before = await readFile(path, 'utf8').catch(() => undefined)
  if (before !== undefined && before !== policy) return job()
  await writeFile(path, policy, { mode: 0o755 })
  try {
    await job()
  } finally {
    await rm(path, { force: true })
  }
}
