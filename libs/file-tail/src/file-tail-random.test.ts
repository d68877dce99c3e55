import { copyFile, rename, rm, truncate } from 'node:fs/promises'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { joined, openWorld } from '../test/world.ts'

/** The events of a log, and of its reader. */
const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('write' as const), lines: fc.integer({ min: 1, max: 60 }) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom('rename' as const, 'copytruncate' as const) }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 50, max: 3_000 }) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('restart' as const), downtimeSteps: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('read all' as const) }) },
)

test(
  'FAULTS row 44: whatever is written, rotated and restarted in whatever order, each line comes once and with its own id',
  { timeout: 120_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 25 }), async (steps) => {
        const world = await openWorld()
        const options = { globs: [world.logs('*.log*')], maxOpenFiles: 4 }
        const written: string[] = []
        let rotations = 0
        let reader: Awaited<ReturnType<typeof world.start>> | undefined = await world.start(options)
        const missing = () => written.filter((text) => !world.texts().includes(text))
        const readAll = async () => {
          reader ??= await world.start(options)
          await world.until(() => expect(missing()).toEqual([]))
        }
        const rotate = async (kind: 'rename' | 'copytruncate') => {
          for (let number = rotations++; number > 0; number--) {
            await rename(world.logs(`a.log.${number}`), world.logs(`a.log.${number + 1}`))
          }
          if (kind === 'rename') return rename(world.logs('a.log'), world.logs('a.log.1'))
          await copyFile(world.logs('a.log'), world.logs('a.log.1'))
          await truncate(world.logs('a.log'))
        }
        for (const each of steps) {
          if (each.kind === 'write' || each.kind === 'rename' || each.kind === 'copytruncate') {
            const count = each.kind === 'write' ? each.lines : 1
            const lines = Array.from({ length: count }, (_, index) => `line ${written.length + index}`)
            await world.write('a.log', joined(lines))
            written.push(...lines)
          }
          if (each.kind === 'rename' || each.kind === 'copytruncate') await rotate(each.kind)
          if (each.kind === 'wait') await world.clock.advance(each.ms)
          if (each.kind === 'restart') {
            await reader?.close()
            reader = each.downtimeSteps ? undefined : await world.start(options)
          }
          if (each.kind === 'read all') await readAll()
        }
        await readAll()
        await world.passed()
        expect(world.texts().toSorted()).toEqual(written.toSorted())
        expect(new Set(world.lines.map(({ id }) => id)).size).toBe(written.length)
        await reader?.close()
        await rm(world.folder, { recursive: true })
      }),
      { numRuns: 60 },
    )
  },
)
