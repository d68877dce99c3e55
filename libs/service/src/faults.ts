import { exitCodes } from './exit-codes.ts'

export interface ServiceErrorOptions extends ErrorOptions {
  /** What the process exits with because of it. Default 70: a fault of the program. */
  exitCode?: number
  /** What the reader can do about it; printed after the message. */
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
  return [causes.join(': '), typeof fix === 'string' ? fix : ''].filter(Boolean).join('. ').replaceAll(/\s*\n\s*/g, ' ')
}

/** How a setting is given, for error texts: `--grpc-port (env GRPC_PORT)`. */
const settingName = (key: string): string => {
  const words = key.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
  return `--${words} (env ${words.replaceAll('-', '_').toUpperCase()})`
}

/** A listener could not be opened: which address, which setting names it, what to do. Exit code 69. */
export const listenError = (error: unknown, config: Readonly<Record<string, unknown>>, at?: Address): unknown => {
  const failed = chain(error).find((cause) => field(cause, 'syscall') === 'listen' || field(cause, 'syscall') === 'bind')
  if (failed === undefined) return error
  const code = String(field(failed, 'code'))
  const host = String(field(failed, 'address') ?? at?.host ?? '')
  const port = Number(field(failed, 'port') ?? at?.port ?? 0)
  const keys = Object.keys(config).filter((key) => /port$/i.test(key) && config[key] === port && port !== 0)
  const named = keys.length === 0 ? 'the port setting' : keys.map(settingName).join(' or ')
  const reason = listenReasons[code] ?? messageOf(failed)
  return new ServiceError(`cannot listen on ${host}:${port}: ${reason}`, {
    exitCode: exitCodes.unavailable,
    fix:
      code === 'EADDRNOTAVAIL'
        ? 'Set the host to an address of this machine, such as 127.0.0.1'
        : `Set ${named} to another port, or 0 for any free one${code === 'EADDRINUSE' ? ', or stop what holds it' : ''}`,
    cause: error,
  })
}

interface Address {
  readonly host: string
  readonly port: number
}

const listenReasons: Readonly<Record<string, string>> = {
  EADDRINUSE: 'the port is taken',
  EACCES: 'this user may not open the port',
  EADDRNOTAVAIL: 'this machine has no such address',
}

const maxCauses = 8

const chain = (error: unknown): readonly unknown[] => {
  const found: unknown[] = []
  for (let next = error; next !== undefined && found.length < maxCauses; next = field(next, 'cause')) found.push(next)
  return found
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message || error.name : typeof error === 'string' ? error : JSON.stringify(error)

const field = (value: unknown, name: string): unknown =>
  typeof value === 'object' && value !== null && name in value ? (value as Record<string, unknown>)[name] : undefined
