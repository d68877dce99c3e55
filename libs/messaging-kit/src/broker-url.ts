import { readFile } from 'node:fs/promises'
import type { ConnectionOptions } from 'node:tls'
import { type HostPort, parseHostPort } from '@armature/async/host-port'
import { MessagingUrlError } from '@armature/messaging/errors'

export type OptionKind = 'text' | 'integer' | 'toggle' | 'file'

export interface UrlShape<Name extends string> {
  /** Without the colon: the plain one, and the one that asks for TLS. */
  readonly schemes: readonly [plain: string, secure?: string]
  readonly defaultPort: number
  /** The options that the driver takes beside the common ones. */
  readonly options: Readonly<Record<Name, OptionKind>>
}

export interface BrokerUrl<Name extends string = never> {
  readonly scheme: string
  /** At least one. */
  readonly hosts: readonly HostPort[]
  readonly user: string | undefined
  /** Also what `passwordFile` names, once `credentials` has read it. */
  readonly password: string | undefined
  readonly passwordFile: string | undefined
  /** After the slash, decoded; empty where there is none. */
  readonly path: string
  /** Files of TLS; undefined = no TLS. */
  readonly tls: TlsFiles | undefined
  /** How long a publish waits for a broker that is away. Default 30,000. */
  readonly publishWaitMs: number
  /** How long opening waits for a broker that is away. Default 30,000. */
  readonly connectWaitMs: number
  /** How long a close may take. Default 5,000. */
  readonly closeWaitMs: number
  /** The options that are given, checked for their kind. */
  readonly options: Readonly<Partial<Record<Name, string>>>
}

export interface TlsFiles {
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly key: string | undefined
  readonly serverName: string | undefined
}

const common = {
  user: 'text',
  passwordFile: 'file',
  tls: 'toggle',
  ca: 'file',
  cert: 'file',
  key: 'file',
  serverName: 'text',
  publishWaitMs: 'integer',
  connectWaitMs: 'integer',
  closeWaitMs: 'integer',
} as const satisfies Record<string, OptionKind>

const encode = 'with / ? # @ in user and password percent-encoded'

type CommonName = keyof typeof common

const shape = /^([a-z][a-z0-9+.-]*):(?:\/\/(?:([^@/?#]*)@)?([^/?#]*))?(?:\/([^?#]*))?(?:\?([^#]*))?$/i

/**
 * Reads `scheme://user:password@host:port,host:port/path?option=value`. Throws MessagingUrlError that names what is wrong and
 * what is valid, and holds no credential.
 */
export const parseBrokerUrl = <Name extends string>(
  url: string,
  { schemes, defaultPort, options: own }: UrlShape<Name>,
): BrokerUrl<Name> => {
  const [plain, secure] = schemes
  const fail = (problem: string): never => {
    throw new MessagingUrlError(`the ${plain}: URL ${problem}`)
  }
  const [, scheme = '', userInfo, hostList = '', path = '', query = ''] =
    shape.exec(url) ?? fail(`cannot be read: write ${plain}://host:port, ${encode}`)

  const hosts = (hostList === '' ? '127.0.0.1' : hostList).split(',').map((each) => {
    const place = parseHostPort(each, { defaultPort })
    if (!('problem' in place)) return place
    return fail(`has a host that cannot be read: ${place.problem}. Write host:port, several with commas between`)
  })

  // A password that holds a slash ends here; no message may show it.
  if (path.includes('@')) fail(`has an @ in its path: write it ${encode}, and an @ of the path as %40`)

  const kinds: Readonly<Record<string, OptionKind>> = { ...own, ...common }
  const given = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query)) {
    const kind = Object.hasOwn(kinds, name) ? kinds[name] : undefined
    if (kind === undefined) {
      const known = Object.keys(kinds).sort().join(', ')
      // The same by a question mark.
      if (query.includes('@')) return fail(`has an @ in an option that is not known: write it ${encode}`)
      return fail(`has no option ${JSON.stringify(name.slice(0, 100))}: use ${known}`)
    }
    if (given.has(name)) fail(`has ${name} twice: give it once`)
    const problem = problemOf(kind, value)
    if (problem !== undefined) fail(`has a ${name} that is no ${kind}: ${problem}`)
    given.set(name, value)
  }
  const commonOption = (name: CommonName): string | undefined => given.get(name)
  const milliseconds = (name: CommonName, otherwise: number) => Number(commonOption(name) ?? otherwise)

  const [user, password] = userInfoOf(userInfo, fail)
  const isSecure = scheme.toLowerCase() === secure || commonOption('tls') === 'true'
  const tls = { ca: commonOption('ca'), cert: commonOption('cert'), key: commonOption('key') }
  if (!isSecure && Object.values(tls).some((file) => file !== undefined)) {
    fail(`names TLS files but not TLS: add tls=true${secure === undefined ? '' : `, or begin it with ${secure}:`}`)
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) fail('needs cert and key together: give both or neither')

  return {
    scheme: plain,
    hosts,
    user: commonOption('user') ?? user,
    password,
    passwordFile: commonOption('passwordFile'),
    path: decoded(path, fail),
    tls: isSecure ? { ...tls, serverName: commonOption('serverName') } : undefined,
    publishWaitMs: milliseconds('publishWaitMs', 30_000),
    connectWaitMs: milliseconds('connectWaitMs', 30_000),
    closeWaitMs: milliseconds('closeWaitMs', 5_000),
    options: Object.fromEntries([...given].filter(([name]) => Object.hasOwn(own, name))) as Partial<
      Record<Name, string>
    >,
  }
}

/** The problem of a value of this kind; undefined if there is none. */
const problemOf = (kind: OptionKind, value: string): string | undefined => {
  switch (kind) {
    case 'integer':
      return /^\d{1,12}$/.test(value) ? undefined : 'give a whole number'
    case 'toggle':
      return value === 'true' || value === 'false' ? undefined : 'give true or false'
    default:
      return value === '' ? 'it is empty' : undefined
  }
}

const userInfoOf = (
  userInfo: string | undefined,
  fail: (problem: string) => never,
): [user: string | undefined, password: string | undefined] => {
  if (userInfo === undefined || userInfo === '') return [undefined, undefined]
  const colon = userInfo.indexOf(':')
  if (colon < 0) return [decoded(userInfo, fail), undefined]
  return [decoded(userInfo.slice(0, colon), fail), decoded(userInfo.slice(colon + 1), fail)]
}

const decoded = (text: string, fail: (problem: string) => never): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    return fail('has a % that begins no percent-encoding: write %25 for a percent sign')
  }
}

/** The password: the URL's, or the first line of its `passwordFile`. Throws MessagingUrlError where the file cannot be read. */
export const passwordOf = async ({
  scheme,
  password,
  passwordFile,
}: Pick<BrokerUrl, 'scheme' | 'password' | 'passwordFile'>): Promise<string | undefined> =>
  passwordFile === undefined
    ? password
    : (await fileOf(scheme, 'passwordFile', passwordFile)).toString().split(/\r?\n/, 1)[0]

/** The options for node:tls, with the files read; undefined = no TLS. Throws MessagingUrlError where a file cannot be read. */
export const tlsOptions = async ({
  scheme,
  tls,
}: Pick<BrokerUrl, 'scheme' | 'tls'>): Promise<ConnectionOptions | undefined> => {
  if (tls === undefined) return undefined
  const { ca, cert, key, serverName } = tls
  return {
    ...(ca === undefined ? {} : { ca: await fileOf(scheme, 'ca', ca) }),
    ...(cert === undefined ? {} : { cert: await fileOf(scheme, 'cert', cert) }),
    ...(key === undefined ? {} : { key: await fileOf(scheme, 'key', key) }),
    ...(serverName === undefined ? {} : { servername: serverName }),
  }
}

/** The file that an option of the URL names. Throws MessagingUrlError where it cannot be read. */
export const fileOf = (scheme: string, option: string, path: string): Promise<Buffer> =>
  readFile(path).catch((cause: NodeJS.ErrnoException) => {
    throw new MessagingUrlError(
      `${option} of the ${scheme}: URL cannot be read (${cause.code ?? cause.message}): check the file ${path}`,
      { cause },
    )
  })
