import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

interface Decoder {
  readonly inputs: fc.Arbitrary<unknown>
  readonly check: (input: unknown) => Promise<void> | void
}

/** `npm run fuzz` takes as many as it is told to. */
const runs = 300
const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith('.decoder.ts'))

describe('bug: what can be received can always be dead-lettered', () => {
  test('the decoders are found', () => {
    expect(files.length).toBeGreaterThanOrEqual(7)
  })

  test.each(files)('%s', { timeout: 120_000 }, async (file) => {
    const { inputs, check } = (await import(join(import.meta.dirname, file))) as Decoder
    await fc.assert(
      fc.asyncProperty(inputs, async (input) => check(input)),
      { numRuns: runs },
    )
  })
})
