import { systemClock } from '@armature/async/clock'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openSpool, type Spool } from '../src/spool.ts'
import { simulatedDisk, type SimulatedDisk } from './simulated-disk.ts'
import { lines, linesIn } from './spool-world.ts'

/** One process's use of the spool before it ends. */
type Step = { readonly append: number } | { readonly deliver: number }

interface Life {
  readonly steps: readonly Step[]
  /** The disk operation at which the process ends. */
  readonly endsAt: number
  readonly powerCut: boolean
  readonly seed: number
}

const life: fc.Arbitrary<Life> = fc.record({
  steps: fc.array(
    fc.oneof(
      fc.record({ append: fc.integer({ min: 1, max: 5 }) }),
      fc.record({ deliver: fc.integer({ min: 1, max: 4 }) }),
    ),
    { maxLength: 12 },
  ),
  endsAt: fc.nat(30),
  powerCut: fc.boolean(),
  seed: fc.nat(),
})

const maxLineBytes = 40

const open = (disk: SimulatedDisk, onDamage: () => void): Promise<Spool> =>
  openSpool({
    disk,
    clock: systemClock(),
    // Several segments come and go.
    maxBytes: 4_000,
    maxLineBytes,
    sync: true,
    onDamage,
  })

test('whenever the process or the power ends: no held line is lost, order holds, and an id never changes or returns', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(life, { minLength: 1, maxLength: 5 }), async (lives) => {
      let disk = simulatedDisk()
      let count = 0
      let damages = 0
      const onDamage = () => void damages++
      /** Lines that `append` resolved for. */
      const held: string[] = []
      const given = new Map<string, string>()
      /** Lines a publisher confirmed. */
      const delivered: string[] = []

      const deliver = async (spool: Spool, limit: number) => {
        const batch = await spool.read({ count: limit, bytes: 1_000 })
        for (const { id, bytes } of linesIn(batch)) {
          const text = Buffer.from(bytes).toString()
          expect(given.get(id) ?? text).toBe(text)
          given.set(id, text)
          delivered.push(text)
        }
        await spool.acked(batch)
      }

      const append = async (spool: Spool, size: number) => {
        const texts = Array.from({ length: size }, () => `line ${String(count++).padStart(6, '0')}`)
        const appending = spool.append(lines(...texts))
        await new Promise((resolve) => setImmediate(resolve))
        while (spool.full === 'bound') {
          await deliver(spool, 100)
          await new Promise((resolve) => setImmediate(resolve))
        }
        await appending
        held.push(...texts)
      }

      for (const { steps, endsAt, powerCut, seed } of lives) {
        let operations = 0
        disk.onOperation = () => {
          if (operations++ === endsAt) throw new Error('the end')
        }
        try {
          const spool = await open(disk, onDamage)
          for (const step of steps) {
            if ('append' in step) await append(spool, step.append)
            else await deliver(spool, step.deliver)
          }
        } catch (error) {
          if ((error as Error).message !== 'the end') throw error
        }
        let state = seed
        const kept = (max: number) => (state = (state * 48_271 + 11) % 2_147_483_647) % (max + 1)
        disk = powerCut ? disk.afterPowerCut(kept) : disk.afterCrash()
      }

      const last = await open(disk, onDamage)
      while (last.pending > 0) await deliver(last, 3)
      const firsts = [...new Set(delivered)]
      expect(firsts.toSorted()).toEqual(firsts)
      expect(firsts).toEqual(expect.arrayContaining(held))
      expect(new Set([...given.values()]).size).toBe(given.size)
      // A write that a power cut left half zeroed cannot be told from a damaged record.
      expect(damages).toBeLessThanOrEqual(lives.filter(({ powerCut }) => powerCut).length)
    }),
    { numRuns: 400 },
  )
})
