import { expect, test } from 'vitest'
import { faultOf, faultOfClass, isOutage } from './sql-state-fault.ts'

test.each([
  ['22P02', 'malformed text', 'row'],
  ['22P05', 'NUL', 'row'],
  ['22003', 'number out of range', 'row'],
  ['22008', 'date out of range', 'row'],
  ['23502', 'not null: no column of ours', 'sink'],
  ['23505', 'unique', 'row'],
  ['23514', 'check', 'row'],
  ['44000', 'check option', 'row'],
  ['54000', 'index row too long', 'row'],
  ['54001', 'nested too deep', 'row'],
  ['08006', 'connection lost', 'sink'],
  ['25006', 'read-only', 'sink'],
  ['28P01', 'password', 'sink'],
  ['40001', 'serialization', 'sink'],
  ['40P01', 'deadlock', 'sink'],
  ['42P01', 'no table', 'sink'],
  ['42501', 'no privilege', 'sink'],
  ['53100', 'disk full', 'sink'],
  ['53300', 'too many connections', 'sink'],
  ['55P03', 'lock not available', 'sink'],
  ['57014', 'cancelled', 'sink'],
  ['57P01', 'shutdown', 'sink'],
  ['58030', 'input or output', 'sink'],
  ['P0001', 'raised by a trigger', 'sink'],
  ['XX000', 'internal', 'sink'],
  ['ZZ999', 'unknown', 'sink'],
])('%s (%s) is the fault of the %s', (state, _what, fault) => expect(faultOf(state)).toBe(fault))

test('these classes, and no others, are the row’s fault', () => {
  const ofRow = [...faultOfClass].filter(([, fault]) => fault === 'row').map(([name]) => name)
  expect(ofRow).toEqual(['22', '23', '44', '54'])
})

test.each(['25006', '40001', '40P01', '53100', '53200', '53300', '55P03'])(
  '%s passes: no row is condemned for it',
  (state) => expect(isOutage(state)).toBe(true),
)
test.each(['22P05', '42P01', '55000', '57014', '57P01', 'P0001', 'XX000'])('%s may be of one row for good', (state) =>
  expect(isOutage(state)).toBe(false),
)
