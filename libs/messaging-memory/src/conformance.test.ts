import { messagingConformance } from '@armature/messaging-kit/conformance'
import { memoryBroker } from './broker.ts'
import { memoryGuarantees } from './connection.ts'

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
