import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { root } from '../../test/dry-tree.ts'
import { formsOf, renamedText } from './forms.ts'
import { identifiersOf } from './identifiers.ts'

const old = formsOf('@old', 'old')
const next = formsOf('@acme', 'acme-platform')

test.each([
  ["import { a } from '@old/messaging/on'", "import { a } from '@acme/messaging/on'"],
  ['node_modules/@old', 'node_modules/@acme'],
  ['pkg:npm/%40old/kit@1.0.0', 'pkg:npm/%40acme/kit@1.0.0'],
  ['npx old dlq ls', 'npx acme-platform dlq ls'],
  ['old:billing:orders', 'acme-platform:billing:orders'],
  ['old/client-of: search-service', 'acme-platform/client-of: search-service'],
  ['postgres://old:old@db/old', 'postgres://acme-platform:acme-platform@db/acme-platform'],
  ['ce_oldkey, oldtombstone', 'ce_acmeplatformkey, acmeplatformtombstone'],
  ['package old.search.v1;', 'package acmeplatform.search.v1;'],
  ['proto/old/search/v1/search.proto', 'proto/acmeplatform/search/v1/search.proto'],
  ['OLD_SKIP=kafka', 'ACME_PLATFORM_SKIP=kafka'],
  ['Old is a template', 'Acme Platform is a template'],
  ['openOld, OldError', 'openAcmePlatform, AcmePlatformError'],
  ['@olden/kit', '@acmeplatformen/kit'],
])('%s', (before, after) => {
  expect(renamedText(before, old, next)).toBe(after)
})

test('bug: a service could not be generated after a rename, since the template of its package got a hyphen', () => {
  const renamed = (text: string) => renamedText(text, old, next)
  expect(renamed('package old.${protoName(spec)}.v1;')).toBe('package acmeplatform.${protoName(spec)}.v1;')
  expect(renamed('proto/old/${protoName(spec)}/v1/x.proto')).toBe('proto/acmeplatform/${protoName(spec)}/v1/x.proto')
})

test('a variable has a name that code may have, and a text beside it another', () => {
  const text = `import { old } from './broker-old.ts'\nconst labels = { old: 'Old' }\nrun('old')\n`
  expect(renamedText(text, old, next, identifiersOf('a.ts', text, 'old'))).toBe(
    `import { acmePlatform } from './broker-acme-platform.ts'\nconst labels = { acmePlatform: 'Acme Platform' }\nrun('acme-platform')\n`,
  )
})

test('a new name that contains the old one is replaced once', () => {
  expect(renamedText('old @old/a', old, formsOf('@old-shop', 'old-shop'))).toBe('old-shop @old-shop/a')
})

test('no file of this workspace loses anything: a second rename brings it back', () => {
  const [scope, name] = ['@armature', 'armature']
  const [from, to] = [formsOf(scope, name), formsOf('@quux', 'quux-corge')]
  const isOwn = /^(?:package-lock\.json$|tools\/scaffold\/)/
  const paths = execFileSync('git', ['ls-files', '-z'], { cwd: root, encoding: 'utf8' }).split('\0')
  const isFile = (path: string) => existsSync(join(root, path)) && statSync(join(root, path)).isFile()
  for (const path of paths.filter((each) => each !== '' && !isOwn.test(each) && isFile(each))) {
    const text = readFileSync(join(root, path), 'utf8')
    const there = renamedText(text, from, to, identifiersOf(path, text, from.camel))
    if (/armature/i.test(there)) expect(there, path).not.toMatch(/armature/i)
    const back = renamedText(there, to, from, identifiersOf(path, there, to.camel))
    if (back !== text) expect(back, path).toBe(text)
  }
})
