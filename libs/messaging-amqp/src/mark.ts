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

/**
 * The name of a mark of the exchange. Makes one if it is missing. A name is made once: publishers that know a mark of an exchange that is gone must
 * not find it again. Rejects as the client does.
 */
export const findMark = async (session: AmqpSession, settings: AmqpSettings): Promise<string> => {
  const own = randomBytes(6).toString('hex')
  const ownMark = markOf(settings, own)
  const known = await openDirectory(session, settings, own)
  if (known !== ownMark && (await exchangeExists(session, known))) return known
  if (known !== ownMark) {
    // Its exchange is gone, or its maker has not made the mark yet. Both publishers then have a mark of their own, which is as good.
    await onChannel(session, (channel) => channel.deleteExchange(markExchange(settings)))
    await openDirectory(session, settings, own)
  }
  await makeBound(session, settings, ownMark, {})
  return ownMark
}

/** The mark that the directory names. Makes a directory that names `own` if it is missing. */
const openDirectory = async (session: AmqpSession, settings: AmqpSettings, own: string): Promise<string> => {
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
