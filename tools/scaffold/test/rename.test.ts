import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { copyWorkspace, type WorkspaceCopy } from '@armature/mutate/workspace-copy'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { root } from './dry-tree.ts'

// A copy of this workspace gets another name. It must be sound then: its style, its types, and its tests that need no server.
const limitMs = 600_000
let copy: WorkspaceCopy

const run = (command: string, ...args: string[]): string =>
  execFileSync(command, args, {
    cwd: copy.folder,
    encoding: 'utf8',
    timeout: limitMs,
    maxBuffer: 64 * 1024 * 1024,
    stdio: 'pipe',
    env: {
      ...process.env,
      NX_DAEMON: 'false',
      PATH: [join(copy.folder, 'node_modules/.bin'), process.env['PATH']].join(delimiter),
    },
  })
const git = (...args: string[]): string => run('git', '-c', 'user.name=a', '-c', 'user.email=a@b.c', ...args)

beforeAll(() => {
  copy = copyWorkspace(root)
  git('init', '-q')
  git('add', '-A')
  git('commit', '-qm', 'start')
  run('nx', 'g', '@armature/scaffold:rename', '--scope', '@acme', '--name', 'acme-platform')
}, limitMs)
afterAll(() => copy.remove())

test('no word of the old name is left but in what was done before', () => {
  const paths = git('ls-files', '-z', '--cached', '--others', '--exclude-standard').split('\0')
  const isThere = (path: string) => path !== '' && !/^(?:CHANGELOG\.md|LICENSE|NOTICE)$/.test(path)
  const deleted = new Set(git('ls-files', '-z', '--deleted').split('\0'))
  const left = paths
    .filter((path) => isThere(path) && !deleted.has(path))
    .filter((path) => {
      try {
        return /armature/i.test(path) || /armature/i.test(readFileSync(join(copy.folder, path), 'latin1'))
      } catch {
        // A link to a folder.
        return false
      }
    })
  expect(left).toEqual([])
})

test('its style and its contracts hold, and a service can be built', { timeout: limitMs }, () => {
  run('vitest', 'run', '--root=tools/tidy', 'test/tree.test.ts')
  run('node', 'tools/contract/src/main.ts', 'check')
  run('node', 'tools/bundle/src/main.ts', 'reactor')
})

test('its tests that need no server pass', { timeout: limitMs }, () => {
  const config = 'tools/test/src/projects.config.ts'
  const paths = [
    'libs/messaging/src',
    'libs/messaging-memory',
    'libs/messaging-kit',
    'libs/search-api',
    'apps/reactor/src',
  ]
  run('vitest', 'run', '--config', config, '--testTimeout=60000', ...paths)
})
