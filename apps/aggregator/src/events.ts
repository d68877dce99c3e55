import { defineEvents } from '@armature/messaging/events'

/** All that the aggregator takes from topics and publishes, without a file of pipelines. It reads no body: any is taken. */
export const events = defineEvents({
  sends: [
    {
      name: 'late-event',
      summary: 'A message that came after its group was completed, as it came',
      topic: { setting: 'lateTopic' },
      contentTypes: [],
    },
    {
      name: 'aggregated-event',
      summary: 'A message of a complete group, where the sink is a topic',
      topic: { setting: 'sinkTopic' },
      contentTypes: [],
    },
  ],
  receives: [{ name: 'aggregator', topic: { setting: 'topic' } }],
})
