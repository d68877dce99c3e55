import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { judge } from '../src/judge.ts'
import { runTests } from '../src/test-run.ts'
import { copyWorkspace, type WorkspaceCopy } from '../src/workspace-copy.ts'

/** Prints what a test command prints: the test file passes when the sum of the source is right. */
const testProgram = `import { readFileSync } from 'node:fs'
const source = await import('@small/sum/sum.js')
const wanted = process.argv[2] === 'loose' ? source.sum(1, 2) : 3
if (process.argv[2] === 'endless') setInterval(() => {}, 1000)
else if (process.argv[2] === 'silent') console.log('nothing')
else console.log(source.sum(1, 2) === wanted ? '1 passed, 0 failed' : '0 passed, 1 failed')
`

let root: string
let copy: WorkspaceCopy
beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'armature-mutate-test-')))
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  write('libs/sum/package.json', '{"name":"@small/sum","type":"module"}')
  write('libs/sum/sum.js', 'export const sum = (a, b) => a + b\n')
  write('test.mjs', testProgram)
  write('.gitignore', 'node_modules\nsecret\n')
  write('secret', 'ignored')
  mkdirSync(join(root, 'node_modules/@small'), { recursive: true })
  mkdirSync(join(root, 'node_modules/other'), { recursive: true })
  symlinkSync('../../libs/sum', join(root, 'node_modules/@small/sum'))
  execFileSync('git', ['init', '-q'], { cwd: root })
  copy = copyWorkspace(root)
})
afterEach(() => {
  copy.remove()
  rmSync(root, { recursive: true, force: true })
})

const safeguard = { promise: 'a sum is a sum', file: 'libs/sum/sum.js', find: 'a + b', replace: 'a - b' }
const run = (tests: readonly string[], limitMs = 20_000) =>
  runTests(tests, {
    command: [process.execPath, 'test.mjs'],
    folder: copy.folder,
    limitMs,
    logFile: join(root, 'log'),
  })

describe('a copy of the workspace', () => {
  test('has what git does not ignore, and packages of the workspace that lead into the copy', () => {
    expect(existsSync(join(copy.folder, 'secret'))).toBe(false)
    expect(realpathSync(join(copy.folder, 'node_modules/@small/sum'))).toBe(join(realpathSync(copy.folder), 'libs/sum'))
    expect(realpathSync(join(copy.folder, 'node_modules/other'))).toBe(join(root, 'node_modules/other'))
  })

  test('is gone when it is removed, and the original stays', () => {
    copy.remove()
    expect(existsSync(copy.folder)).toBe(false)
    expect(existsSync(join(root, 'node_modules/other'))).toBe(true)
  })
})

describe('a safeguard', () => {
  test('is red when its test fails without it, and the file is as before', async () => {
    expect(await judge(copy.folder, { ...safeguard, tests: ['sum'] }, run)).toEqual({
      outcome: 'red',
      detail: '1 of 1 tests',
    })
    expect(readFileSync(join(copy.folder, safeguard.file), 'utf8')).toContain('a + b')
    expect(readFileSync(join(root, safeguard.file), 'utf8')).toContain('a + b')
  })

  test('survived when its test passes without it', async () => {
    expect(await judge(copy.folder, { ...safeguard, tests: ['loose'] }, run)).toMatchObject({ outcome: 'survived' })
  })

  test('is stale when its text is not in the file, and nothing is run', async () => {
    const verdict = await judge(copy.folder, { ...safeguard, find: 'a * b', tests: [] }, () => {
      throw new Error('no test may run')
    })
    expect(verdict).toMatchObject({ outcome: 'stale' })
  })

  test('is red when its tests do not end within the limit', async () => {
    expect(await judge(copy.folder, { ...safeguard, tests: ['endless'] }, (tests) => run(tests, 300))).toEqual({
      outcome: 'red',
      detail: 'its tests did not end within the limit',
    })
  })

  test('a test command without a closing line has failed', async () => {
    expect(await run(['silent'])).toEqual({ passed: 0, failed: 1, overran: false })
  })
})
