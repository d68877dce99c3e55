import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { aptProgram } from './apt.ts'
import type { DiskEvent } from './disk-model.ts'
import type { Environment } from './execute.ts'
import { startProgram } from './program.ts'

/** An event of the disk, or a text that the program wrote to its standard output meanwhile. */
export type Traced = DiskEvent | { readonly kind: 'said'; readonly text: string }

const calls =
  'openat,open,creat,write,pwrite64,writev,pwritev,ftruncate,fsync,fdatasync,close,rename,renameat,renameat2,unlink,unlinkat,mkdir,mkdirat'
const maxStringBytes = 16 * 1024 * 1024
const deadlineMs = 60_000
const remedy = 'put strace on PATH (Debian: apt-get install strace)'

/**
 * Runs a program until it ends and tells what it asked of the disk, in order, and what it said between. It sees the real calls of the program,
 * by strace (Linux only). Paths must be absolute. Rejects when the program ends with another code than 0.
 */
export const traceDisk = async (
  command: string,
  args: readonly string[],
  env: Environment = process.env,
): Promise<readonly Traced[]> => {
  const strace = await aptProgram(['strace'], 'strace', remedy, env)
  const folder = await mkdtemp(join(tmpdir(), 'disk-trace-'))
  const log = join(folder, 'trace')
  const flags = ['-f', '-qq', '-xx', '-s', String(maxStringBytes), '-e', `trace=${calls}`, '-o', log]
  // Calls by io_uring would not be seen.
  const program = startProgram(strace, [...flags, command, ...args], { env: { ...env, UV_USE_IO_URING: '0' } })
  try {
    const { code } = await program.ended(deadlineMs)
    if (code !== 0) throw new Error(`${command} ended with code ${code}: ${program.output()}`)
    return wholeLines(await readFile(log, 'latin1')).flatMap(eventOf)
  } finally {
    await program.kill()
    await rm(folder, { recursive: true })
  }
}

/** A call that another thread's cut in two is put together, at the place of its end. */
const wholeLines = (log: string): readonly string[] => {
  const begun = new Map<string, string>()
  return log.split('\n').flatMap((line) => {
    const [, pid = '', text = ''] = /^(\d+) +(.*)$/.exec(line) ?? []
    if (text.endsWith(' <unfinished ...>')) {
      begun.set(pid, text.slice(0, -' <unfinished ...>'.length))
      return []
    }
    const rest = /^<\.\.\. \w+ resumed>(.*)$/.exec(text)?.[1]
    return [rest === undefined ? text : `${begun.get(pid) ?? ''}${rest}`]
  })
}

const eventOf = (line: string): readonly Traced[] => {
  const [, name = '', given = '', result = ''] = /^(\w+)\((.*)\) += (-?\d+)/.exec(line) ?? []
  const answer = Number(result)
  if (name === '' || answer < 0) return []
  const texts = [...given.matchAll(/"((?:\\x[\da-f]{2})*)"/g)].map(([, hex = '']) =>
    Buffer.from(hex.replaceAll('\\x', ''), 'hex'),
  )
  const [path = '', other = ''] = texts.map(String)
  const fd = Number.parseInt(given, 10)
  switch (name) {
    case 'open':
    case 'openat':
    case 'creat': {
      const truncates = name === 'creat' || given.includes('O_TRUNC')
      return [{ kind: 'open', fd: answer, path, creates: name === 'creat' || given.includes('O_CREAT'), truncates }]
    }
    case 'write':
    case 'writev':
    case 'pwrite64':
    case 'pwritev': {
      const bytes = Buffer.concat(texts).subarray(0, answer)
      if (fd === 1) return [{ kind: 'said', text: bytes.toString() }]
      const position = name.startsWith('p') ? Number(/(\d+)$/.exec(given)?.[1]) : undefined
      return [{ kind: 'write', fd, bytes, position }]
    }
    case 'ftruncate':
      return [{ kind: 'truncate', fd, sizeBytes: Number(/(\d+)$/.exec(given)?.[1]) }]
    case 'fsync':
    case 'fdatasync':
      return [{ kind: 'sync', fd }]
    case 'close':
      return [{ kind: 'close', fd }]
    case 'rename':
    case 'renameat':
    case 'renameat2':
      return [{ kind: 'rename', from: path, to: other }]
    case 'unlink':
    case 'unlinkat':
      return [{ kind: 'remove', path }]
    default:
      return [{ kind: 'make folder', path }]
  }
}
