import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { recordPath, type ServiceRecord } from '../src/record.ts'
import { openCopy } from './workspace-copy.ts'

const limitMs = 600_000
const name = 'ordering'
const accept = `apps/${name}/src/accept.ts`
const entry = `apps/${name}/src/entry.ts`
const facts = `helm/${name}/chart.json`

/** A service that was generated, and files to read and change. */
const openService = async () => {
  const copy = openCopy()
  await copy.generate('service', name, '--consumes=kafka:orders')
  copy.commit()
  const textOf = (path: string) => readFileSync(join(copy.folder, path), 'utf8')
  const change = (path: string, edit: (text: string) => string) => {
    const before = textOf(path)
    const after = edit(before)
    if (after === before) throw new Error(`the edit of ${path} changes nothing`)
    writeFileSync(join(copy.folder, path), after)
  }
  /** Makes the service one of an older template: its files and its record are as that template made them. */
  const makeOlder = (path: string, edit: (text: string) => string) => {
    change(path, edit)
    change(recordPath(name), (text) => {
      const record = JSON.parse(text) as ServiceRecord
      const files = { ...record.files, [path]: edit((record.files[path] ?? []).join('\n')).split('\n') }
      return `${JSON.stringify({ ...record, files }, null, 2)}\n`
    })
  }
  return { ...copy, textOf, change, makeOlder }
}

test('an update brings what the template changed, and keeps what the team changed', { timeout: limitMs }, async () => {
  const { generate, run, commit, status, textOf, change, makeOlder } = await openService()
  expect(await generate('update')).toContain(`${name}: is as its template makes it, with your edits.`)
  expect(status()).toBe('')
  await run('nx', 'sync:check')

  makeOlder(accept, (text) => text.replace('/** Keeps each entry once', '/** Keeps every entry once'))
  change(accept, (text) => `${text}\n/** Ours. */\nexport const ours = 1\n`)
  change(entry, (text) => text.replace('{1,100}', '{1,50}'))
  await expect(generate('update')).rejects.toThrow(/There are uncommitted changes \(.*--force/)
  commit()
  await expect(run('nx', 'sync:check')).rejects.toThrow(new RegExp(`Behind the template: ${name}`))

  expect(await generate('update', name)).toContain(`${name}: 1 files merged, 0 with conflicts, 0 left alone.`)
  expect(textOf(accept)).toContain('/** Keeps each entry once')
  expect(textOf(accept)).toContain('export const ours = 1')
  expect(textOf(entry)).toContain('{1,50}')
  commit()
  expect(await generate('update')).toContain('is as its template makes it')
  expect(status()).toBe('')
  await run('vitest', 'run', `--root=apps/${name}`, `test/${name}.test.ts`)
})

test('what both changed has the marks of a conflict; what was deleted stays so', { timeout: limitMs }, async () => {
  const { generate, commit, git, textOf, change, makeOlder } = await openService()
  makeOlder(entry, (text) => text.replace('An entry as others send it.', 'An entry.'))
  change(entry, (text) => text.replace('An entry.', 'An order.'))
  makeOlder(facts, (text) => text.replace('"50m"', '"40m"'))
  git('rm', '--quiet', '--force', facts)
  commit()
  const told = await generate('update')
  expect(told).toContain(`${name}: 0 files merged, 1 with conflicts, 1 left alone.`)
  expect(told).toContain(`conflict in ${entry}`)
  expect(told).toContain(`left alone ${facts}: it was deleted here`)
  expect(textOf(entry)).toMatch(
    /^<{7} yours\n.*An order\.[^]*^={7}\n.*An entry as others send it\.[^]*^>{7} the template$/m,
  )
})

test('a service that no generator made is refused by name', { timeout: limitMs }, async () => {
  const { generate } = openCopy()
  await expect(generate('update', 'reactor')).rejects.toThrow('apps/reactor was made by no generator')
  await expect(generate('update', 'nobody')).rejects.toThrow('There is no service "nobody"')
})
