import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { chromium, dig, ghz, grpcurl, pythonGrpc } from './clients.ts'
import { execute } from './execute.ts'

let room: string
let bin: string
let env: Record<string, string>

const program = async (name: string, script: string) => {
  const path = join(bin, name)
  await writeFile(path, `#!/bin/sh\n${script}\n`)
  await chmod(path, 0o755)
  return path
}

/** A go that takes a moment and notes each call, so that a second build would show. */
const slowGo = () =>
  program(
    'go',
    `[ "$1" = env ] && { echo go1.26.8; exit; }
     echo "$@" >> '${join(room, 'calls')}'; /bin/sleep 0.3; echo built > "$GOBIN/grpcurl"; /bin/chmod +x "$GOBIN/grpcurl"`,
  )

beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'clients-'))
  bin = join(room, 'bin')
  await mkdir(bin)
  env = { PATH: bin, XDG_CACHE_HOME: join(room, 'cache') }
})
afterEach(() => rm(room, { recursive: true, force: true }))

describe('grpcurl', () => {
  test('is taken from PATH when it is there', async () => {
    const path = await program('grpcurl', 'true')
    expect(await grpcurl(env)).toBe(path)
  })

  test('is built once by Go, pinned, for callers at the same time', async () => {
    await slowGo()
    const paths = await Promise.all([grpcurl(env), grpcurl(env), grpcurl(env)])
    expect(new Set(paths).size).toBe(1)
    expect(await readFile(paths[0], 'utf8')).toBe('built\n')
    expect(await readFile(join(room, 'calls'), 'utf8')).toBe(
      'install -trimpath -ldflags=-s -w github.com/fullstorydev/grpcurl/cmd/grpcurl@v1.9.4\n',
    )
  })

  test('is built once for processes at the same time', async () => {
    await slowGo()
    const script = `import { grpcurl } from '${import.meta.dirname}/clients.ts'; console.log(await grpcurl())`
    const run = () => execute(process.execPath, ['--input-type=module', '-e', script], { deadlineMs: 20_000, env })
    await Promise.all([run(), run()])
    expect((await readFile(join(room, 'calls'), 'utf8')).trim().split('\n')).toHaveLength(1)
  })

  test('without Go fails with one line that says what to install', async () => {
    await expect(grpcurl(env)).rejects.toThrow(/^grpcurl is not on PATH and neither is go: install [^\n]+$/)
  })

  test('of a failed build is tried again and leaves nothing behind', async () => {
    await program('go', '[ "$1" = env ] && { echo go1.26.8; exit; }; echo no route to the proxy >&2; exit 1')
    await expect(grpcurl(env)).rejects.toMatchObject({
      message: expect.stringMatching(/^grpcurl could not be built: give go access [^\n]+$/),
      cause: { message: expect.stringContaining('no route to the proxy') },
    })
    expect(await readdir(join(room, 'cache', 'armature'))).toEqual([])
    await slowGo()
    expect(await readFile(await grpcurl(env), 'utf8')).toBe('built\n')
  })
})

describe('ghz', () => {
  test('is built under its own name, whatever Go calls it', async () => {
    await program('go', '[ "$1" = env ] && { echo go1.21; exit; }; echo built > "$GOBIN/main"')
    expect(await readFile(await ghz(env), 'utf8')).toBe('built\n')
  })

  test('with a Go that is too old to fetch a newer one says what to install', async () => {
    await program('go', '[ "$1" = env ] && { echo go1.19.8; exit; }; exit 1')
    await expect(ghz(env)).rejects.toThrow(
      /^[^\n]+ is too old and could not fetch a newer Go: install ghz, or Go [^\n]+$/,
    )
  })
})

describe('pythonGrpc', () => {
  test('without Python fails with one line that says what to install', async () => {
    await expect(pythonGrpc(env)).rejects.toThrow(/^python3-venv is missing [^\n]+: install Python 3[^\n]+$/)
  })

  test('of a failed pip fails with one line that says what pip needs', async () => {
    await program(
      'python3',
      '[ "$1" = -c ] && exit; /bin/mkdir -p "$4/bin"; /bin/cp "$0" "$4/bin/python"; [ "$2" = venv ]',
    )
    await expect(pythonGrpc(env)).rejects.toThrow(/^pip could not install grpcio==[^\n]+: give pip access[^\n]+$/)
  })
})

describe('dig', () => {
  test('is taken from PATH', async () => {
    const path = await program('dig', 'true')
    expect(await dig(env)).toBe(path)
  })

  test('without apt-get fails with one line that says what to install', async () => {
    await expect(dig(env)).rejects.toThrow(/^bind9-dnsutils is missing [^\n]+: install dig [^\n]+$/)
  })
})

describe('chromium', () => {
  test.each(['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'])(
    'is taken from PATH: %s',
    async (name) => {
      const path = await program(name, 'true')
      expect(await chromium(env)).toBe(path)
    },
  )

  test('without apt-get fails with one line that says what to install', async () => {
    await expect(chromium(env)).rejects.toThrow(/^chromium is missing [^\n]+: install Chromium or Chrome [^\n]+$/)
  })
})
