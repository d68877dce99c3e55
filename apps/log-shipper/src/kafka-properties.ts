const inUrl = (option: string) => `add ${option} to MESSAGING_URL (kafka://HOST:9092?${option})`

/** The way that is there for each property of librdkafka that people set. */
const ways: readonly (readonly [property: RegExp, instead: string])[] = [
  [/^(?:bootstrap\.servers|metadata\.broker\.list)$/, 'pass -b HOST[:PORT],HOST[:PORT]'],
  [/^security\.protocol$/, inUrl('tls=true')],
  [/^sasl\.mechanisms?$/, inUrl('sasl=scram-sha-512')],
  [/^sasl\.username$/, inUrl('user=NAME')],
  [/^sasl\.password$/, inUrl('passwordFile=PATH')],
  [/^ssl\.ca\.location$/, inUrl('tls=true&ca=PATH')],
  [/^ssl\.(?:certificate|key)\.location$/, inUrl('tls=true&cert=PATH&key=PATH')],
  [/^ssl\.endpoint\.identification\.algorithm$/, inUrl('tls=true&serverName=NAME')],
  [/^client\.id$/, inUrl('clientId=NAME')],
  [/^message\.max\.bytes$/, inUrl('maxMessageBytes=N')],
  [/^(?:compression\.codec|compression\.type)$/, 'pass -z gzip, snappy or zstd'],
  [/^(?:request\.required\.)?acks$/, 'leave it out: each line is confirmed by all replicas (acks=all)'],
  [/^enable\.(?:gapless\.guarantee|idempotence)$/, 'leave it out: batches are idempotent and in order'],
  [/^(?:linger|queue\.buffering\.max)\.ms$/, 'pass --batch-period-ms N'],
  [/^batch\.size$/, 'pass --batch-bytes N'],
  [/^batch\.num\.messages$/, 'pass --batch-count N'],
  [/^queue\.buffering\.max\.(?:kbytes|messages)$/, 'pass --spool-max-bytes N: lines wait in the spool'],
  [/^(?:message\.timeout|delivery\.timeout)\.ms$/, 'leave it out: lines wait in the spool for as long as it takes'],
  [/^(?:message\.send\.max\.)?retries$/, 'leave it out: a publish is tried again for as long as it takes'],
  [/^(?:retry\.backoff\.ms|retry\.backoff\.max\.ms)$/, 'pass --max-retry-delay-ms N'],
  [/^(?:request\.timeout\.ms|socket\.timeout\.ms)$/, 'pass --publish-timeout-ms N'],
  [/^(?:topic\.)?partitioner$/, 'leave it out: keys choose the partition as in the client of Java (murmur2)'],
]

/** Why `NAME=VALUE` is refused, and what to use instead. It does not hold the value, which may be a password. */
export const insteadOfProperty = (property: string): string => {
  const [name = ''] = property.split('=', 1)
  const [, instead] = ways.find(([known]) => known.test(name)) ?? []
  const shown = JSON.stringify(name.slice(0, 80))
  if (instead !== undefined) return `is refused: instead of ${shown}, ${instead}`
  return `is refused: ${shown} is a property of librdkafka, which is not used here. MESSAGING_URL has the options of the driver`
}
