import { usageError } from './broker-command.ts'

/** The URL with the exchange as its options. Throws ServiceError (64) where there is one and the broker knows none. */
export const amqpUrl = (
  url: string,
  { exchange, type }: { readonly exchange?: string | undefined; readonly type?: string | undefined },
): string => {
  const options = Object.entries({ exchange, type }).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  if (options.length === 0) return url
  if (!/^amqps?:/i.test(url)) throw usageError('only amqp: brokers have exchanges', 'Leave --exchange and --type out')
  return `${url}${url.includes('?') ? '&' : '?'}${options.join('&')}`
}
