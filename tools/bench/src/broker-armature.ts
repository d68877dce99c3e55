import { message } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging-drivers/open'
import type { Driver } from '@armature/messaging/ports'
import { arrivals, bodyOf, publishRate, throughRate, type Job, type Party } from './broker-job.ts'

const group = 'bench'

/** Our driver of that scheme, with options of its URL: CloudEvents with id and time, and the acknowledgement after the handler. */
export const armature = (scheme: string, options = ''): Party => {
  const open = ({ url }: Job) => openDriver(`${url.replace(/^[a-z-]+:/, `${scheme}:`)}${options}`)

  const sender = (driver: Driver, job: Job) => {
    const body = bodyOf(job)
    return (count: number) =>
      driver.publish(
        job.topic,
        Array.from({ length: count }, () => message(job.topic, body)),
      )
  }

  /** A group that keeps its place while nobody is there: what is published is kept for it. */
  const leaveGroup = async (driver: Driver, { topic }: Job) => {
    if (!driver.guarantees.groups || !driver.guarantees.atLeastOnce) return
    const subscription = await driver.subscribe(topic, async () => undefined, { group })
    await subscription.close()
  }

  const subscribing = (driver: Driver, maxInFlight: number) => ({
    maxInFlight,
    maxInFlightBytes: 1 << 30,
    ...(driver.guarantees.groups ? { group } : {}),
  })

  return {
    name: `Armature ${scheme}:`,
    publish: async (job) => {
      const driver = await open(job)
      await leaveGroup(driver, job)
      const rate = await publishRate(job, sender(driver, job))
      await driver.close()
      return rate
    },
    consume: async (job) => {
      const driver = await open(job)
      await leaveGroup(driver, job)
      await publishRate({ ...job, atOnce: 100 }, sender(driver, job))
      const { count, rate } = arrivals(job, scheme)
      const subscription = await driver.subscribe(job.topic, async () => count(), subscribing(driver, job.atOnce))
      const result = await rate
      await subscription.idle()
      await driver.close()
      return result
    },
    through: async (job) => {
      const driver = await open(job)
      const { count, rate } = arrivals(job, scheme)
      await driver.subscribe(job.topic, async () => count(), subscribing(driver, 1_000))
      const result = await throughRate(job, rate, sender(driver, job))
      await driver.close()
      return result
    },
  }
}
