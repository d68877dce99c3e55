import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { startKafka } from '@armature/servers/kafka'
import { kcat } from '@armature/servers/kcat'
import { beforeAll, describe } from 'vitest'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { kafkaGuarantees, openKafka } from '../src/driver.ts'
import { kafkaName } from '../src/names.ts'
import { cuttableKafka, kcatPublish, killableKafka, withOptions } from './fixture.ts'

describe.skipIf(skipped('kafka'))('over Kafka', () => {
  const maxMessageBytes = 300_000
  let server: string

  beforeAll(async () => {
    server = await serverUrl('kafka')
    await kcat()
  }, serverDeadlineMs)

  const url = () => withOptions(server, { sessionTimeoutMs: 1_000, maxMessageBytes })
  const quiet = { warn: () => undefined }

  messagingConformance('kafka', {
    ...kafkaGuarantees,
    maxMessageBytes,
    browser: true,
    // A group shares its partitions again in two rounds, each as long as a heartbeat.
    deadlineMs: 10_000,
    open: () => openKafka(url(), quiet),
    openKillable: () => killableKafka(url()),
    openCuttable: () => cuttableKafka(url()),
    publishRaw: (topic, headers, body) => kcatPublish(server, kafkaName(topic), body, { headers }),
    openRestartable: async () => {
      const own = await startKafka()
      return {
        ...own,
        open: ({ publishWaitMs = 60_000 }) => openKafka(withOptions(own.url, { publishWaitMs }), quiet),
      }
    },
  })
})
