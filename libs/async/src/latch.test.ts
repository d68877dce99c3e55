import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { latch } from './latch.ts'
import { outcomeOf } from './testing-outcome.ts'

test('lets those go on who wait when it is opened, and no later ones', async () => {
  const gate = latch()
  const [first, second] = [outcomeOf(gate.wait()), outcomeOf(gate.wait())]
  expect(gate.waiting).toBe(2)
  gate.open()
  const later = outcomeOf(gate.wait())
  await turn()
  expect([first.state, second.state, later.state]).toEqual(['resolved', 'resolved', 'pending'])
  gate.open()
  await turn()
  expect(later.state).toBe('resolved')
})
