import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { ConsulConfig } from '@armature/config/consul'
import { DiscoveryError } from './ports.ts'

/** The token and the TLS files of a request to the agent. */
export interface ConsulCredentials {
  readonly token: string | undefined
  /** For Node's TLS; empty where the settings name no file. */
  readonly tls: { readonly ca?: string[]; readonly cert?: string; readonly key?: string; readonly servername?: string }
}

const maxFileBytes = 1024 * 1024
const maxCaFiles = 256

/**
 * The token and certificates that the settings name. Each call answers the same object until one of the files changes, then a new
 * one: a rotated token or certificate is used from the next request on. While a file cannot be read, what was read last stays
 * in force; the first call then throws DiscoveryError, which names the variable.
 */
export const consulCredentials = (config: Partial<ConsulConfig>): (() => ConsulCredentials) => {
  const named = [
    ['CONSUL_HTTP_TOKEN_FILE', config.consulHttpTokenFile],
    ['CONSUL_CACERT', config.consulCacert],
    ['CONSUL_CAPATH', config.consulCapath],
    ['CONSUL_CLIENT_CERT', config.consulClientCert],
    ['CONSUL_CLIENT_KEY', config.consulClientKey],
  ] as const
  const files = named.flatMap(([variable, path]) => (path === undefined ? [] : [{ variable, path }]))
  let current: { readonly stamp: string; readonly credentials: ConsulCredentials } | undefined

  return () => {
    try {
      const stamp = files.map(stampOf).join()
      if (current?.stamp !== stamp) current = { stamp, credentials: read(config) }
    } catch (error) {
      if (current === undefined) throw error
    }
    return current.credentials
  }
}

interface Named {
  readonly variable: string
  readonly path: string
}

const stampOf = (file: Named): string =>
  reading(file, () => {
    const { ino, mtimeMs, size } = statSync(file.path)
    return `${ino}:${mtimeMs}:${size}`
  })

const read = (config: Partial<ConsulConfig>): ConsulCredentials => {
  const { consulHttpTokenFile, consulHttpToken, consulCacert, consulCapath } = config
  const { consulClientCert, consulClientKey, consulTlsServerName } = config
  const token =
    consulHttpTokenFile === undefined ? consulHttpToken : textOf('CONSUL_HTTP_TOKEN_FILE', consulHttpTokenFile).trim()
  const ca = [
    ...(consulCacert === undefined ? [] : [textOf('CONSUL_CACERT', consulCacert)]),
    ...(consulCapath === undefined ? [] : certificatesIn(consulCapath)),
  ]
  return {
    token: token === '' ? undefined : token,
    tls: {
      ...(ca.length === 0 ? {} : { ca }),
      ...(consulClientCert === undefined ? {} : { cert: textOf('CONSUL_CLIENT_CERT', consulClientCert) }),
      ...(consulClientKey === undefined ? {} : { key: textOf('CONSUL_CLIENT_KEY', consulClientKey) }),
      ...(consulTlsServerName === undefined ? {} : { servername: consulTlsServerName }),
    },
  }
}

const certificatesIn = (folder: string): string[] => {
  const variable = 'CONSUL_CAPATH'
  const names = reading({ variable, path: folder }, () => readdirSync(folder)).filter((name) =>
    /\.(pem|crt|cer)$/.test(name),
  )
  if (names.length === 0 || names.length > maxCaFiles)
    throw new DiscoveryError(
      `${variable} names ${folder}, which has ${names.length} files *.pem, *.crt or *.cer: 1 to ${maxCaFiles}`,
    )
  return names.map((name) => textOf(variable, join(folder, name)))
}

const textOf = (variable: string, path: string): string =>
  reading({ variable, path }, () => {
    if (statSync(path).size > maxFileBytes) throw new Error(`it is longer than ${maxFileBytes} bytes`)
    return readFileSync(path, 'utf8')
  })

const reading = <T>({ variable, path }: Named, job: () => T): T => {
  try {
    return job()
  } catch (cause) {
    const reason = cause instanceof Error ? ((cause as NodeJS.ErrnoException).code ?? cause.message) : String(cause)
    throw new DiscoveryError(
      `${variable} names ${path}, which cannot be read: ${reason}. Let it name a readable file`,
      {
        cause,
      },
    )
  }
}
