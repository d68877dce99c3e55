import type { RedisClient } from './commands.ts'

const everyMs = 5_000
const answerMs = 10_000

/** Sends PING 5 s after each answer. Calls `onDead` when one fails or is not answered within 10 s. Answers how to end it. */
export const startHeartbeat = (client: RedisClient, onDead: () => void): (() => void) => {
  let timer: NodeJS.Timeout | undefined
  let isEnded = false

  const ping = () => {
    timer = setTimeout(onDead, answerMs).unref()
    client.sendCommand(['PING']).then(() => {
      clearTimeout(timer)
      if (!isEnded) scheduleNext()
    }, onDead)
  }
  const scheduleNext = () => {
    timer = setTimeout(ping, everyMs).unref()
  }

  scheduleNext()
  return () => {
    isEnded = true
    clearTimeout(timer)
  }
}
