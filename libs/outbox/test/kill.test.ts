import { fileURLToPath } from 'node:url'
import type { OwnDatabase } from '@armature/database/testing-own-database'
import { message } from '@armature/messaging/message'
import { serverDeadlineMs, skipped } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createPostgresStore } from '../src/postgres-store.ts'
import { openTables } from './world.ts'

const program = fileURLToPath(new URL('relay-program.ts', import.meta.url))
const keys = ['a', 'b', 'c']
const perKey = 40

describe.skipIf(skipped('postgres'))('a relay that is killed', () => {
  let own: OwnDatabase
  beforeAll(async () => {
    own = await openTables()
  }, serverDeadlineMs)
  afterAll(() => own.drop(), 60_000)

  test(
    'between a publish and its entry, again and again, loses nothing and keeps the order of each key',
    async () => {
      const store = createPostgresStore(own.database)
      for (let number = 0; number < perKey; number += 1) {
        const messages = keys.map((key) => message('invoices', 'x', { id: `${number}`, key }))
        await store.handle({ handler: 'h', key: `${number}`, contents: '' }, () => Promise.resolve(messages))
      }
      const received: string[] = []
      const start = (killAfter: string) => {
        const running = startProgram(process.execPath, [program, own.url, killAfter])
        onTestFinished(() => running.kill())
        return running
      }
      const keep = (output: string) => received.push(...output.trim().split('\n'))
      for (const killAfter of ['1', '3', '2', '5']) {
        const running = start(killAfter)
        expect(await running.ended()).toMatchObject({ signal: 'SIGKILL' })
        keep(running.output())
      }
      const last = start('never')
      await last.until(/c 39\n/)
      keep(last.output())
      const seen = new Set(received)
      // Each kill left its last batch in the table.
      expect(received.length).toBeGreaterThanOrEqual(seen.size + 4 * 7)
      for (const key of keys) {
        const ids = [...seen].filter((line) => line.startsWith(`${key} `)).map((line) => Number(line.slice(2)))
        expect(ids).toEqual(Array.from({ length: perKey }, (_, number) => number))
      }
    },
    serverDeadlineMs,
  )
})
