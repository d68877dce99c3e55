import { execute } from '@armature/servers/execute'
import { mkdir, mkdtemp, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { bundle } from '../src/bundle.ts'

const workspace = join(import.meta.dirname, '../../..')

let room: string
let project: string
let folder: string

/** A project with the packages of this workspace, bundled into a folder that has none. */
beforeEach(async () => {
  room = await mkdtemp(join(tmpdir(), 'bundle-'))
  project = join(room, 'apps/one')
  folder = join(room, 'out')
  await mkdir(join(project, 'src'), { recursive: true })
  await symlink(join(workspace, 'node_modules'), join(project, 'node_modules'))
  await write('package.json', JSON.stringify({ name: '@it/one', version: '3.2.1', type: 'module' }))
})
afterEach(() => rm(room, { recursive: true, force: true }))

const write = (path: string, text: string) => writeFile(join(project, path), text)

/** Bundles, takes the project away, and runs what is left. */
const ran = async (source: string) => {
  await write('src/main.ts', source)
  const built = await bundle(project, folder)
  await rm(project, { recursive: true })
  const output = await execute(process.execPath, [join(folder, 'main.js')], { deadlineMs: 30_000, cwd: room })
  return { ...built, output }
}

describe('a bundle', () => {
  test('runs where its sources and packages are not', async () => {
    await write('src/other.ts', `export const word: string = 'hello'\n`)
    const { output, packages } = await ran(`import { word } from './other.ts'
      import * as z from 'zod'
      console.log(z.string().parse(word))`)
    expect(output).toBe('hello\n')
    expect(packages).toEqual(['zod'])
  })

  test('loads what is imported dynamically when it is asked for', async () => {
    await write('src/page.html', '<p>hi</p>')
    await write(
      'src/later.ts',
      `import { readFileSync } from 'node:fs'
      import * as z from 'zod'
      export const later = z.string().parse(readFileSync(new URL('page.html', import.meta.url), 'utf8'))`,
    )
    const { output, bytes, bytesAtStart, packages, packagesAtStart } = await ran(
      `console.log('first')\nconsole.log((await import('./later.ts')).later)`,
    )
    expect(output).toBe('first\n<p>hi</p>\n')
    expect([packages, packagesAtStart]).toEqual([['zod'], []])
    expect((await stat(join(folder, 'main.js'))).size).toBe(bytesAtStart)
    expect(bytesAtStart).toBeLessThan(bytes / 10)
  })

  test('has the version of its project, and stack traces that name the sources', async () => {
    await write('src/main.ts', `export const fail = (): never => { throw new Error('here') }\n\nfail()\n`)
    await bundle(project, folder)
    expect(JSON.parse(await readFile(join(folder, 'package.json'), 'utf8'))).toEqual({
      name: '@it/one',
      version: '3.2.1',
      type: 'module',
    })
    const run = execute(process.execPath, ['--enable-source-maps', join(folder, 'main.js')], { deadlineMs: 30_000 })
    await expect(run).rejects.toThrow(/src\/main\.ts:1:/)
  })

  test('has the CommonJS surroundings that packages expect', async () => {
    await write(
      'src/old.cjs',
      'exports.folder = __dirname; exports.file = __filename; exports.os = require("no" + "de:os").EOL',
    )
    const { output } = await ran(`import old from './old.cjs'\nconsole.log(JSON.stringify(old))`)
    expect(JSON.parse(output)).toEqual({ folder: `${folder}/`, file: join(folder, 'main.js'), os: '\n' })
  })

  test('has the files that sources name beside themselves', async () => {
    await write('src/page.html', '<p>hi</p>')
    await write('rows.txt', '1 2 3')
    const { output } = await ran(`import { readFileSync } from 'node:fs'
      for (const url of [new URL('page.html', import.meta.url), new URL("../rows.txt", import.meta.url)])
        console.log(readFileSync(url, 'utf8'))`)
    expect(output).toBe('<p>hi</p>\n1 2 3\n')
  })

  test('has the protos that the health and reflection packages read beside themselves', async () => {
    const { output } = await ran(`import { Server } from '@grpc/grpc-js'
      import { ReflectionService } from '@grpc/reflection'
      import { HealthImplementation, protoPath, service } from 'grpc-health-check'
      import { existsSync } from 'node:fs'
      const server = new Server()
      new HealthImplementation({ '': 'SERVING' }).addToServer(server)
      new ReflectionService({ [Object.keys(service)[0]]: { ...service, fileDescriptorProtos: [] } } as never).addToServer(server)
      console.log([existsSync(protoPath), ...Object.keys(service)].join(' '))`)
    expect(output).toMatch(/^true .*[cC]heck/)
  })

  test('leaves the embedded database out, and everything else runs', async () => {
    const { output, packages } =
      await ran(`const found = await import('@electric-sql/pglite').catch((fault) => fault.code)
      console.log(found)`)
    expect(output).toBe('ERR_MODULE_NOT_FOUND\n')
    expect(packages).toEqual([])
  })

  test('of a second build has nothing of the first', async () => {
    await write('src/page.html', '')
    await write('src/main.ts', `console.log(new URL('page.html', import.meta.url))`)
    await bundle(project, folder)
    await write('src/main.ts', `console.log('none')`)
    await bundle(project, folder)
    await expect(stat(join(folder, 'assets'))).rejects.toThrow('ENOENT')
  })
})

describe('a build fails', () => {
  test.each([
    ['a package that is not there', `import 'no-such-package'`, /no-such-package/],
    ['a file that is not there', `console.log(new URL('none.html', import.meta.url))`, /none\.html/],
    ['a source that is named by URL', `new Worker(new URL('./worker.ts', import.meta.url))`, /worker\.ts by URL/],
  ])('for %s', async (_what, source, problem) => {
    await write('src/main.ts', source)
    await expect(bundle(project, folder)).rejects.toThrow(problem)
  })
})
