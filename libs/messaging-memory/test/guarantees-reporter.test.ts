import { expect, test } from 'vitest'
import { memoryGuarantees } from '../src/connection.ts'
import { guaranteesTable } from '@armature/messaging-kit/guarantees-reporter'

test('the table has a line a driver, with what each declares', () => {
  const lossy = { ...memoryGuarantees, name: 'lossy', atLeastOnce: false, order: 'none' } as const
  expect(guaranteesTable([{ ...memoryGuarantees, name: 'memory' }, lossy])).toEqual([
    'driver  atLeastOnce  order  replay  groups  wildcards  headers  delay',
    'memory  yes          key    yes     yes     yes        yes      yes',
    'lossy   -            none   yes     yes     yes        yes      yes',
  ])
})
