import { X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { createSecureContext, rootCertificates } from 'node:tls'
import { type ChannelCredentials, experimental, type ServerCredentials } from '@grpc/grpc-js'
import type { Logger } from '@armature/telemetry/logger'
import type { Metrics } from '@armature/telemetry/metrics'
import { exitCodes } from './exit-codes.ts'
import { describeError, ServiceError } from './faults.ts'
import { serviceMetrics } from './service-metrics.ts'

/** Paths of PEM files. */
export interface TlsFiles {
  /** Our own certificate, with the intermediate ones after it. A server needs one; a client where the server asks for it. */
  readonly certFile?: string | undefined
  readonly keyFile?: string | undefined
  /**
   * The authorities whose certificates the other side may have. A server given them demands one of each client (mTLS); a client
   * without them trusts those that Node knows.
   */
  readonly caFile?: string | undefined
}

export interface TlsOptions {
  log: Logger
  metrics: Metrics
  /** How often the files are read again, in milliseconds. Default 2,000. */
  refreshMs?: number
}

export interface RotatingTls {
  /** For `openGrpcServer`; needs certFile and keyFile. */
  serverCredentials(): ServerCredentials
  /** For a client. */
  channelCredentials(): ChannelCredentials
  /** Reads no more. */
  close(): void
}

interface Identity {
  readonly certificate: Buffer
  readonly privateKey: Buffer
}

interface Loaded {
  readonly identity: Identity | undefined
  readonly ca: Buffer | undefined
}

const defaultRefreshMs = 2_000

/**
 * Certificates that are read again while they are used: new connections have the new ones, those there are go on with the old. New
 * files that are no good (unreadable, a key of another certificate, out of date) are refused, counted and logged once; what was
 * there before stays. Files are polled: a mounted Kubernetes secret changes by its folder's link. Rejects with ServiceError, 78,
 * when the first ones are no good.
 *
 * `CertificateProvider` is `experimental` in grpc-js 1.14.7; its own FileWatcherCertificateProvider takes whatever it reads.
 */
export const openTls = async (files: TlsFiles, options: TlsOptions): Promise<RotatingTls> => {
  const { log, metrics, refreshMs = defaultRefreshMs } = options
  let current = await load(files).catch((error: unknown) => {
    const names = [files.certFile, files.keyFile, files.caFile].filter((name) => name !== undefined).join(', ')
    throw new ServiceError(`the TLS files ${names} cannot be used`, {
      exitCode: exitCodes.config,
      cause: error,
      fix: 'Give the certificate, its key and the authorities as PEM files',
    })
  })
  const caListeners = new Set<experimental.CaCertificateUpdateListener>()
  const identityListeners = new Set<experimental.IdentityCertificateUpdateListener>()
  let refused = ''

  const refresh = async (): Promise<void> => {
    try {
      const next = await load(files)
      refused = ''
      if (isSame(next, current)) return
      current = next
      for (const listener of caListeners) listener(caOf(current))
      for (const listener of identityListeners) listener(current.identity ?? null)
      metrics.count(serviceMetrics.tls_reloads_total, 1, { outcome: 'taken' })
      log.info({ certFile: files.certFile, validTo: validTo(current) }, 'new TLS files are in use')
    } catch (error) {
      const reason = describeError(error)
      if (reason === refused) return
      refused = reason
      metrics.count(serviceMetrics.tls_reloads_total, 1, { outcome: 'refused' })
      log.error({ certFile: files.certFile, reason }, 'new TLS files are no good: the old ones stay in use')
    }
  }
  let reading = false
  const timer = setInterval(() => {
    if (reading) return
    reading = true
    void refresh().finally(() => (reading = false))
  }, refreshMs).unref()

  /** Listeners get what there is at once, as those of grpc-js do. */
  const provider: experimental.CertificateProvider = {
    addCaCertificateListener: (listener) => {
      caListeners.add(listener)
      process.nextTick(() => listener(caOf(current)))
    },
    removeCaCertificateListener: (listener) => void caListeners.delete(listener),
    addIdentityCertificateListener: (listener) => {
      identityListeners.add(listener)
      process.nextTick(() => listener(current.identity ?? null))
    },
    removeIdentityCertificateListener: (listener) => void identityListeners.delete(listener),
  }
  const demandsClients = files.caFile !== undefined
  return {
    // The declaration of grpc-js 1.14.7 names the first two the other way round.
    serverCredentials: () =>
      experimental.createCertificateProviderServerCredentials(
        provider,
        demandsClients ? provider : null,
        demandsClients,
      ),
    channelCredentials: () =>
      experimental.createCertificateProviderChannelCredentials(
        provider,
        files.certFile === undefined ? null : provider,
      ),
    close: () => clearInterval(timer),
  }
}

const caOf = ({ ca }: Loaded): { caCertificate: Buffer } => ({
  caCertificate: ca ?? Buffer.from(rootCertificates.join('\n')),
})

/** Rejects where the files do not make a working whole. */
const load = async ({ certFile, keyFile, caFile }: TlsFiles): Promise<Loaded> => {
  if ((certFile === undefined) !== (keyFile === undefined)) throw new Error('a certificate and its key go together')
  const read = async (path: string | undefined) => (path === undefined ? undefined : readFile(path))
  const [certificate, privateKey, ca] = await Promise.all([read(certFile), read(keyFile), read(caFile)])
  if (ca !== undefined) new X509Certificate(ca)
  if (certificate === undefined || privateKey === undefined) return { identity: undefined, ca }
  createSecureContext({ cert: certificate, key: privateKey, ...(ca === undefined ? {} : { ca }) })
  const { validFrom, validTo: end } = new X509Certificate(certificate)
  const now = Date.now()
  if (Date.parse(validFrom) > now || Date.parse(end) < now) {
    throw new Error(`${String(certFile)} is valid from ${validFrom} to ${end} only`)
  }
  return { identity: { certificate, privateKey }, ca }
}

const isSame = (one: Loaded, other: Loaded): boolean => {
  const parts = ({ identity, ca }: Loaded) => [identity?.certificate, identity?.privateKey, ca]
  const others = parts(other)
  return parts(one).every((part, place) => part?.toString('latin1') === others[place]?.toString('latin1'))
}

const validTo = ({ identity }: Loaded): string | undefined =>
  identity === undefined ? undefined : new X509Certificate(identity.certificate).validTo
