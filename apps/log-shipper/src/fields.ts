import { hostname } from 'node:os'

/** The headers that `--fields` may ask for. */
export const fieldNames = ['host', 'service', 'pod', 'stream'] as const
export type FieldName = (typeof fieldNames)[number]

export interface FieldsOptions {
  readonly fields: readonly FieldName[]
  readonly topic: string
  /** The stream that is read: `stdin`, or of a child `stdout`. */
  readonly stream: string | undefined
  readonly serviceName?: string | undefined
  readonly podName?: string | undefined
}

/** The characters that any header may hold. */
const printable = /^[\x20-\x7e]{1,200}$/

/**
 * The headers of those fields, without those that are not known: the name of the host; the service, else the topic without `logs.`; the pod, else
 * the name of the host, which in a pod is the pod's; the stream.
 */
export const fieldHeaders = ({
  fields,
  topic,
  stream,
  serviceName,
  podName,
}: FieldsOptions): Record<string, string> => {
  const values: Readonly<Record<FieldName, string | undefined>> = {
    host: hostname(),
    service: serviceName ?? topic.replace(/^logs\./, ''),
    pod: podName ?? hostname(),
    stream,
  }
  const headers: Record<string, string> = {}
  for (const field of fields) {
    const value = values[field]
    if (value !== undefined && printable.test(value)) headers[field] = value
  }
  return headers
}
