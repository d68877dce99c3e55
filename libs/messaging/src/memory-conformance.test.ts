import { messagingConformance } from './conformance.ts'
import { memoryBroker } from './memory.ts'
import { memoryGuarantees } from './memory-connection.ts'

const maxMessageBytes = 100_000
const broker = memoryBroker({ maxMessageBytes })

messagingConformance('memory', {
  ...memoryGuarantees,
  browser: true,
  maxMessageBytes,
  open: async () => broker.connect(),
  openKillable: async () => {
    const driver = broker.connect()
    return { driver, kill: () => driver.kill() }
  },
})
