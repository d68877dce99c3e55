import { chmod, mkdir, mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { java, mavenJars } from './maven.ts'

let room: string
let env: Record<string, string>

const program = async (name: string, script: string) => {
  await writeFile(join(room, 'bin', name), `#!/bin/sh\n${script}\n`)
  await chmod(join(room, 'bin', name), 0o755)
}

beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'maven-'))
  await mkdir(join(room, 'bin'))
  env = { PATH: join(room, 'bin'), XDG_CACHE_HOME: join(room, 'cache') }
})
afterEach(() => rm(room, { recursive: true, force: true }))

/** A Maven that notes each call and makes one jar where it is told to. */
const fakeMaven = () =>
  program(
    'mvn',
    `echo call >> '${room}/calls'
     for a in "$@"; do case "$a" in -DoutputDirectory=*) echo jar > "\${a#*=}/one.jar" ;; esac; done`,
  )

test('jars are fetched once, for callers at the same time, and kept by their versions', async () => {
  await fakeMaven()
  const jars = () => mavenJars(['group.one:first_2.13:1.2', 'group:second:3.4'], 'both', env)
  const folders = await Promise.all([jars(), jars()])
  expect(folders).toEqual(Array(2).fill(join(room, 'cache/armature/jars-both-1.2-3.4')))
  expect(await readFile(join(room, 'calls'), 'utf8')).toBe('call\n')
  expect(await readFile(join(folders[0], 'one.jar'), 'utf8')).toBe('jar\n')
  expect(await readFile(join(folders[0], 'pom.xml'), 'utf8')).toContain(
    '<groupId>group.one</groupId><artifactId>first_2.13</artifactId><version>1.2</version>',
  )
  await mavenJars(['group.one:first_2.13:1.3'], 'both', env)
  expect(await readFile(join(room, 'calls'), 'utf8')).toBe('call\ncall\n')
})

test('a failed Maven leaves nothing and is told in one line, with its output as the cause', async () => {
  await program('mvn', 'echo no such version; exit 1')
  await expect(mavenJars(['g:a:1'], 'one', env)).rejects.toMatchObject({
    message: expect.stringMatching(/^Maven could not fetch g:a:1: give mvn access to its repository$/),
    cause: { message: expect.stringContaining('no such version') },
  })
  expect(await readdir(join(room, 'cache/armature'))).toEqual([])
})

test('without Maven or Java the error says what to install', async () => {
  await expect(mavenJars(['g:a:1'], 'one', env)).rejects.toThrow(/^maven is missing [^\n]+: install Maven[^\n]+$/)
  await expect(java(env)).rejects.toThrow(/^openjdk-17-jre-headless is missing [^\n]+: install Java 17[^\n]+$/)
})
