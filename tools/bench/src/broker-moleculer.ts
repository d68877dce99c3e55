import { ServiceBroker } from 'moleculer'
import { arrivals, bodyOf, throughRate, together, type Job, type Party } from './broker-job.ts'

/** moleculer: balanced events between two nodes. Its transporters acknowledge on receipt or not at all. */
export const moleculer = (transporter: string): Party => ({
  name: `moleculer, ${transporter}`,
  through: async (job) => {
    const { count, rate } = arrivals(job, 'moleculer')
    const node = (nodeID: string) =>
      new ServiceBroker({
        nodeID: `${nodeID}-${job.topic}`,
        namespace: job.topic,
        transporter: transporterOf(transporter, job),
        logger: false,
        metrics: false,
        tracing: false,
      })
    const [sender, receiver] = [node('sender'), node('receiver')]
    receiver.createService({ name: 'sink', events: { 'bench.event': { group: 'bench', handler: count } } })
    await Promise.all([sender.start(), receiver.start()])
    await sender.waitForServices('sink')
    const body = bodyOf(job).toString()
    const result = await throughRate(job, rate, (calls) => together(calls, () => sender.emit('bench.event', body)))
    await Promise.all([sender.stop(), receiver.stop()])
    return result
  },
})

/** The transporter by the URL's scheme. The type of moleculer knows only names. */
const transporterOf = (transporter: string, { url }: Job) =>
  (transporter === 'kafka' ? `kafka://${new URL(url).host}` : url) as unknown as 'NATS'
