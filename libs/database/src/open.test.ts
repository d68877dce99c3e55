import { expect, test } from 'vitest'
import { openDatabase } from './open.ts'

test.each([
  { url: 'mysql://user:canary@host/db', says: 'the database scheme mysql: is not supported' },
  { url: 'somewhere', says: 'a database URL without a scheme is not supported' },
])('$url is refused with exit code 78 and what to do, never with the password', async ({ url, says }) => {
  const error: unknown = await openDatabase(url).catch((one: unknown) => one)
  expect(error).toMatchObject({ message: says, exitCode: 78, fix: expect.stringContaining('DATABASE_URL') })
  expect(JSON.stringify(error)).not.toContain('canary')
})
