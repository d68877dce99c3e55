import { appendFileSync } from 'node:fs'
import { openJetstream } from '../src/jetstream.ts'

/** A consumer in a process of its own, to be killed: writes the id of each message to a file, then acknowledges it. */
const [url = '', topic = '', group = '', file = ''] = process.argv.slice(2)
const driver = await openJetstream(url)
await driver.subscribe(
  topic,
  async ({ id }) => {
    appendFileSync(file, `${id}\n`)
  },
  { group, from: 'earliest' },
)
process.stdout.write('subscribed\n')
