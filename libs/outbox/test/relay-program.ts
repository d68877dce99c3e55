import { argv, kill, pid } from 'node:process'
import { openDatabase } from '@armature/database/open'
import { openOutboxRelay } from '../src/outbox-relay.ts'

// Relays to the parent process, which stands for the broker, and kills itself when a publish is confirmed and not yet entered.
const [, , databaseUrl = '', killAfter = ''] = argv
const database = await openDatabase(databaseUrl)
let publishes = 0
await openOutboxRelay({
  database,
  batchMessages: 7,
  pollMs: 10,
  onProblem: (problem) => void process.stderr.write(`${String(problem)}\n`),
  publisher: {
    publish: async (_, messages) => {
      const lines = messages.map(({ id, key }) => `${String(key)} ${id}\n`).join('')
      await new Promise<void>((resolve) => void process.stdout.write(lines, () => resolve()))
      publishes += 1
      if (publishes === Number(killAfter)) kill(pid, 'SIGKILL')
    },
  },
})
