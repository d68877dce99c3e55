import { expect, test } from 'vitest'
import { createIncident } from './incident.ts'

test('an incident speaks once, and again when it grows', () => {
  const incident = createIncident()
  expect(incident.beyond(20)).toBe(20)
  for (let value = 0; value < 10; value += 1) expect(incident.beyond(20)).toBeLessThan(8)
  expect(incident.beyond(60)).toBeGreaterThan(40)
})

test('what was told is forgotten in time, the later the longer the history', () => {
  const valuesUntilHeard = (history: number): number => {
    const incident = createIncident()
    for (let value = 0; value < history; value += 1) incident.beyond(0)
    incident.beyond(20)
    let values = 0
    while (values < 1e6 && incident.beyond(0) === 0 && !heard(incident)) values += 1
    return values
  }
  const heard = (incident: ReturnType<typeof createIncident>) => {
    const copyWouldBe = incident.beyond(1)
    return copyWouldBe > 0
  }
  expect(valuesUntilHeard(100)).toBeGreaterThan(100)
  expect(valuesUntilHeard(20_000)).toBeGreaterThan(3 * valuesUntilHeard(100))
})
