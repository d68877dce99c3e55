import { randomBytes } from 'node:crypto'
import { onChannel } from './channel.ts'
import { replyCode } from './faults.ts'
import { markExchange, markOf } from './names.ts'
import type { AmqpSession } from './session.ts'
import type { AmqpSettings } from './settings.ts'
import { exchangeExists } from './topology.ts'

/**
 * Two exchanges by which a publisher knows that the exchange is still the one that it was: AMQP has no other sign of that. Both are bound to it,
 * and RabbitMQ deletes them by itself when it is deleted (`auto-delete`). One has a name that never comes again. The other has a fixed name and
 * tells, in its argument `alternate-exchange`, the name of the first. Nothing is published to either.
 */
const markOptions = { durable: true, autoDelete: true, internal: true }
const preconditionFailed = 406
/** Refusals are cut to 255 bytes, so names are short. Later versions say more between. */
const currentValue = /current is (?:the value )?'([\da-f]{12})'/

/** The name of the exchange's mark, which is made where there is none. Rejects as the client does. */
export const findMark = async (session: AmqpSession, settings: AmqpSettings): Promise<string> => {
  const mark = await readDirectory(session, settings)
  if (await exchangeExists(session, mark)) return mark
  // Its maker has just made the directory. A second look, since the exchange may have been replaced meanwhile.
  if ((await readDirectory(session, settings)) !== mark) return findMark(session, settings)
  await makeBound(session, settings, mark, {})
  return mark
}

/** What the directory names; one that is not there is made and names a new mark. */
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
