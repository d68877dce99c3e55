import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { findEngine } from './engine.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A PATH with these programs, each of which prints the text, or fails where it is undefined. */
const having = async (programs: Readonly<Record<string, string | undefined>>) => {
  for (const [name, text] of Object.entries(programs)) {
    const path = join(folder, name)
    await writeFile(path, `#!/bin/sh\n${text === undefined ? 'exit 1' : `echo '${text}'`}\n`)
    await chmod(path, 0o755)
  }
  return { PATH: folder }
}

test.each([
  ['Docker alone', { docker: 'Engine containerd' }, 'docker'],
  ['buildah alone', { buildah: '' }, 'buildah'],
  ['both', { docker: 'Engine containerd', buildah: '' }, 'docker'],
  ['a Docker client without its daemon, and buildah', { docker: undefined, buildah: '' }, 'buildah'],
  ["Podman's Docker API and buildah", { docker: 'Podman Engine Conmon', buildah: '' }, 'buildah'],
  ["Podman's Docker API alone", { docker: 'Podman Engine Conmon' }, 'docker'],
])('of %s is taken', async (_what, programs, name) => {
  expect((await findEngine(undefined, await having(programs))).name).toBe(name)
})

test('is the one that was asked for', async () => {
  const env = await having({ docker: 'Engine containerd', buildah: '' })
  expect((await findEngine('buildah', env)).name).toBe('buildah')
  expect((await findEngine('docker', env)).name).toBe('docker')
})

test.each([
  [undefined, {}, 'install docker or buildah'],
  [undefined, { docker: undefined }, 'a daemon that answers'],
  ['docker', { docker: undefined, buildah: '' }, 'install docker ('],
  ['buildah', { docker: 'Engine' }, 'install buildah ('],
] as const)('%s that is missing is named, with what to install', async (wanted, programs, remedy) => {
  await expect(findEngine(wanted, await having(programs))).rejects.toThrow(remedy)
})
