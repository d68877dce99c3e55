import { appendFileSync } from 'node:fs'
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/registrar'
import { memoryBroker } from '@armature/messaging-memory/broker'
import { bodyText } from '@armature/messaging/message'
import type { Driver } from '@armature/messaging/ports'
import { run } from '@armature/service/run'
import { envPrefix, settings } from '../src/config.ts'
import { realEdges } from '../src/edges.ts'
import { logShipper } from '../src/service.ts'

/** The log shipper, with a broker that is a file: a line `ID BODY` for each message. Its name is the query of the messaging URL. */
const fileDriver = (path: string): Driver => ({
  ...memoryBroker().connect(),
  publish: async (_topic, messages) => {
    // In pieces and with pauses, so that an end may come in between.
    for (const message of messages) {
      appendFileSync(path, `${message.id} ${bodyText(message)}\n`)
      await new Promise((resolve) => setImmediate(resolve))
    }
  },
})

await run({
  name: 'log-shipper',
  settings,
  envPrefix,
  service: (config, given) =>
    logShipper(config, {
      ...realEdges(config, given),
      openMessaging: async () => fileDriver(new URL(config.messagingUrl).pathname),
    }),
  rest: 'COMMAND...',
  kv: consulKv,
  registerAdmin,
  coldChanges: 'next start',
})
