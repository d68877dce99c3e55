import { startRabbitmq } from '@armature/servers/rabbitmq'
import { amqpGuarantees, openAmqp } from '../src/driver.ts'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { uniqueTopic } from '@armature/messaging-kit/conformance-fixture'
import { cuttableAmqp, killableAmqp, sharedRabbitmq, withOptions, writeQueueNames } from './fixture.ts'

const maxMessageBytes = 200_000
const shared = sharedRabbitmq()

const url = (options: Readonly<Record<string, string | number>> = {}) =>
  withOptions(shared.url, { maxMessageBytes, ...options })
const quiet = { warn: () => undefined }

/** Only topics of dead letters are kept. */
const browserTopic = () => `${uniqueTopic()}.DLT`

const publishRaw = async (topic: string, headers: Readonly<Record<string, string>>, body: Uint8Array) => {
  const { 'content-type': contentType, ...others } = headers
  const publisher = shared.outside.createPublisher({ confirm: true })
  await publisher.send(
    { exchange: 'armature', routingKey: topic, headers: others, ...(contentType === undefined ? {} : { contentType }) },
    Buffer.from(body),
  )
  await publisher.close()
}

messagingConformance('amqp', {
  ...amqpGuarantees({ type: 'topic', singleActive: false }),
  maxMessageBytes,
  publishRaw,
  browser: true,
  browserTopic,
  open: () => openAmqp(url(), quiet),
  openKillable: () => killableAmqp(url()),
  openCuttable: () => cuttableAmqp(url()),
  openRestartable: async () => {
    const own = await startRabbitmq()
    return {
      ...own,
      open: (options) => openAmqp(withOptions(own.url, options), quiet),
      crash: async () => {
        await writeQueueNames(own)
        await own.crash()
      },
    }
  },
})

messagingConformance('amqp, one member at a time', {
  ...amqpGuarantees({ type: 'topic', singleActive: true }),
  membersShare: false,
  browser: true,
  browserTopic,
  open: () => openAmqp(url({ singleActive: 'true' }), quiet),
  openKillable: () => killableAmqp(url({ singleActive: 'true' })),
  openCuttable: () => cuttableAmqp(url({ singleActive: 'true' })),
})

messagingConformance('amqp, classic queues', {
  ...amqpGuarantees({ type: 'topic', singleActive: false }),
  browser: true,
  browserTopic,
  open: () => openAmqp(url({ queueType: 'classic' }), quiet),
  openKillable: () => killableAmqp(url({ queueType: 'classic' })),
  openCuttable: () => cuttableAmqp(url({ queueType: 'classic' })),
})
