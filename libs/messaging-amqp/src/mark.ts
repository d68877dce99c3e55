import { randomBytes } from 'node:crypto'
import { onChannel } from './channel.ts'
import { replyCode } from './faults.ts'
import { markExchange, markOf } from './names.ts'
import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { exchangeExists } from './topology.ts'

/**
 * Two exchanges show a publisher whether the exchange is still the same one: AMQP has no other sign of that. Both are bound to it, and RabbitMQ
 * deletes them together with it (`auto-delete`). The first one, the mark, has a name that never comes again. The second one, the directory, has a
 * fixed name and gives the name of the first in its argument `alternate-exchange`. Nothing is published to either.
 */
const markOptions = { durable: true, autoDelete: true, internal: true }
const preconditionFailed = 406
/** The broker cuts a refusal to 255 bytes, so names are short. Later versions have more words in between. */
const currentValue = /current is (?:the value )?'([\da-f]{12})'/

/** The name of the exchange's mark. Makes the mark if it is missing. Rejects as the client does. */
export const findMark = async (session: AmqpSession, settings: AmqpSettings): Promise<string> => {
  const mark = await readDirectory(session, settings)
  if (await exchangeExists(session, mark)) return mark
  // Another publisher has just made the directory, and not the mark yet. The exchange may have been replaced meanwhile.
  if ((await readDirectory(session, settings)) !== mark) return findMark(session, settings)
  await makeBound(session, settings, mark, {})
  return mark
}

/** The mark that the directory names. Makes a directory with a new mark if it is missing. */
const readDirectory = async (session: AmqpSession, settings: AmqpSettings): Promise<string> => {
  const own = randomBytes(6).toString('hex')
  try {
    await makeBound(session, settings, markExchange(settings), { alternateExchange: own })
    return markOf(settings, own)
  } catch (error) {
    const [, current] = (replyCode(error) === preconditionFailed && currentValue.exec(String(error))) || []
    if (current === undefined) throw error
    return markOf(settings, current)
  }
}

const makeBound = (
  session: AmqpSession,
  { exchange }: AmqpSettings,
  name: string,
  options: { readonly alternateExchange?: string },
): Promise<unknown> =>
  onChannel(session, async (channel) => {
    await channel.assertExchange(name, 'fanout', { ...markOptions, ...options })
    await channel.bindExchange(exchange, name, '')
  })
