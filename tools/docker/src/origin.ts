import { execute, type Environment } from '@armature/servers/execute'

/** Where an image comes from. */
export interface Origin {
  /** The time of the commit, which stands for that of the build. */
  readonly committedAt: Date
  /** The commit, with `-dirty` behind it where a tracked file differs from it. Undefined outside a checkout. */
  readonly revision?: string | undefined
  /** The URL of the repository, without credentials. */
  readonly source?: string | undefined
}

const deadlineMs = 30_000

/**
 * The origin of a checkout. `SOURCE_DATE_EPOCH` (seconds) is stronger than the time of the commit. `repository`, the URL of a package.json, is stronger than
 * the remote `origin`, which counts only where others reach it: by http, https, ssh or git. Rejects where there is neither a commit nor that variable.
 */
export const originOf = async (
  root: string,
  repository: string | undefined,
  env: Environment = process.env,
): Promise<Origin> => {
  const git = (...args: string[]) =>
    execute('git', ['-C', root, ...args], { deadlineMs, env }).then(
      (text) => text.trim(),
      () => undefined,
    )
  const [commit, seconds] = (await git('log', '-1', '--format=%H %ct'))?.split(' ') ?? []
  const isDirty = commit !== undefined && (await git('status', '--porcelain', '--untracked-files=no')) !== ''
  const source = repository ?? (await git('remote', 'get-url', 'origin'))
  return {
    committedAt: timeOf(env['SOURCE_DATE_EPOCH'] || seconds),
    revision: isDirty ? `${commit}-dirty` : commit,
    source: source === undefined ? undefined : publicUrl(source),
  }
}

const timeOf = (seconds: string | undefined): Date => {
  if (seconds === undefined)
    throw new Error('There is no commit whose time the image could have: set SOURCE_DATE_EPOCH (seconds).')
  if (!/^\d{1,11}$/.test(seconds)) throw new Error(`SOURCE_DATE_EPOCH is ${seconds}: set it to seconds since 1970.`)
  return new Date(Number(seconds) * 1000)
}

/** `git@host:group/name.git` is ssh://git@host/group/name.git. Undefined for a path. */
const publicUrl = (remote: string): string | undefined => {
  const [, host, path] = /^(?:[\w.-]+@)?([\w.-]+):(?!\/\/)(.+)$/.exec(remote) ?? []
  const url = URL.parse(host === undefined ? remote.replace(/^git\+/, '') : `https://${host}/${path}`)
  if (url === null || !['http:', 'https:', 'ssh:', 'git:'].includes(url.protocol)) return undefined
  url.username = ''
  url.password = ''
  return url.href
}
