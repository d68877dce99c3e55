import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const project = join(import.meta.dirname, '..')
const readme = readFileSync(join(project, 'README.md'), 'utf8')

/** Lines that are neither blank nor only a comment. */
const linesOfCode = (text: string): number =>
  text.split('\n').filter((line) => !/^\s*($|\/\/|\/\*|\*)/.test(line)).length

const blocksOf = (other: string): string =>
  [...readme.matchAll(new RegExp(`^\`\`\`ts other=${other}\\n([^]*?)^\`\`\`$`, 'gm'))]
    .map(([, code]) => code)
    .join('\n')

test('the README tells how many lines this service has, and the same one in other frameworks', () => {
  const sources = readdirSync(join(project, 'src')).map((name) => readFileSync(join(project, 'src', name), 'utf8'))
  const [own, nestjs, moleculer] = [sources.join('\n'), blocksOf('nestjs'), blocksOf('moleculer')].map(linesOfCode)
  expect(readme).toMatch(new RegExp(`^\\| lines +\\| ${own} +\\| ${nestjs} +\\| ${moleculer} +\\|$`, 'm'))
  expect(readme).toContain(`PostgreSQL: ${own} lines of TypeScript`)
})
