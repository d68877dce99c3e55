import { formatHostPort } from '@armature/async/host-port'
import { describeSettings, type Settings } from '@armature/config/schema'
import { exitCodes } from './exit-codes.ts'

export interface ServiceErrorOptions extends ErrorOptions {
  /** The exit code of the process that ends because of it. Default 70: a fault of the program. */
  exitCode?: number
  /** The remedy, for the reader. It is printed after the message. */
  fix?: string
}

/** A fault that ends the process: what is wrong, what to do, and the code to exit with. */
export class ServiceError extends Error {
  override readonly name = 'ServiceError'
  readonly exitCode: number
  readonly fix: string | undefined

  constructor(message: string, { exitCode = exitCodes.software, fix, ...options }: ServiceErrorOptions = {}) {
    super(message, options)
    this.exitCode = exitCode
    this.fix = fix
  }
}

/** The code an error asks for by a whole number `exitCode` from 1 to 255 (`ServiceError`, `ConfigError`), else 70. */
export const exitCodeOf = (error: unknown): number => {
  const code = field(error, 'exitCode')
  return typeof code === 'number' && Number.isInteger(code) && code > 0 && code < 256 ? code : exitCodes.software
}

/** One line a person can act on: the message, its causes, and the fix. */
export const describeError = (error: unknown): string => {
  const causes = chain(error)
    .map(messageOf)
    .filter((text, place, all) => !all.slice(0, place).some((earlier) => earlier.includes(text)))
  const fix = field(error, 'fix')
  return [causes.join(': '), typeof fix === 'string' ? fix : '']
    .filter(Boolean)
    .join('. ')
    .replaceAll(/\s*\n\s*/g, ' ')
}

/**
 * For an error of `listen` or `bind` (of TCP or UDP): which address cannot be had, which setting names it, what to do; exit
 * code 69. Any other error comes back as it is.
 */
export const explainListenError = (
  error: unknown,
  settings: Settings,
  config: Readonly<Record<string, unknown>>,
): unknown => {
  const failed = chain(error).find((cause) => ['listen', 'bind'].includes(String(field(cause, 'syscall'))))
  if (failed === undefined) return error
  const code = String(field(failed, 'code'))
  const port = field(failed, 'port')
  const address = String(field(failed, 'address'))
  // The port of a socket in the file system is -1.
  const where = typeof port === 'number' && port >= 0 ? formatHostPort(address, port) : address
  const names = describeSettings(settings)
    .filter(({ key }) => key.toLowerCase().endsWith('port') && config[key] === port)
    .map(({ flag, env }) => `--${flag} (env ${env})`)
  const named = names.length === 0 ? 'the port' : names.join(' or ')
  return new ServiceError(`cannot listen on ${where}: ${listenReasons[code] ?? messageOf(failed)}`, {
    exitCode: exitCodes.unavailable,
    fix:
      code === 'EADDRNOTAVAIL'
        ? 'Set the host to an address of this machine, such as 127.0.0.1'
        : `Stop what holds the port, or set ${named} to another one or to 0 for any free one`,
  })
}

const listenReasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EACCES: 'this user may not open the port',
  EADDRNOTAVAIL: 'this machine has no such address',
}

const maxCauses = 8

const chain = (error: unknown): readonly unknown[] => {
  const found = [error]
  for (let next = field(error, 'cause'); next !== undefined && found.length < maxCauses; next = field(next, 'cause')) {
    found.push(next)
  }
  return found
}

const messageOf = (error: unknown): string =>
  error instanceof Error
    ? error.message || error.name
    : typeof error === 'string'
      ? error
      : (JSON.stringify(error) ?? String(error))

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined
