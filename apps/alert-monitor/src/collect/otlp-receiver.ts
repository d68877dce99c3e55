import type { IncomingMessage, ServerResponse } from 'node:http'
import { gunzipSync } from 'node:zlib'
import { boundedBody, RequestError } from '@armature/service/http-request'
import { decodeOtlp, encodeOtlpAnswer } from './otlp-protobuf.ts'
import { parseOtlp } from './otlp-metrics.ts'
import type { Parsed } from './sample.ts'

export interface OtlpReceiverOptions {
  /** Of a body as it is sent, and of what it unpacks to. */
  readonly maxBodyBytes: number
  /** Takes what a request holds. */
  readonly take: (parsed: Parsed) => Promise<void>
}

export const otlpPath = '/v1/metrics'

/** Requests of which the body is held at once; others are asked to come again. */
const maxRequestsAtOnce = 16

/** Answers OTLP/HTTP: POST /v1/metrics, in JSON or protobuf, gzip or plain. A request is answered once all of it is evaluated. */
export const createOtlpReceiver = ({ maxBodyBytes, take }: OtlpReceiverOptions) => {
  let underWay = 0

  const parsedOf = async (incoming: IncomingMessage, isJson: boolean): Promise<Parsed> => {
    const body = unpacked(incoming, await boundedBody(incoming, maxBodyBytes), maxBodyBytes)
    try {
      return parseOtlp(isJson ? JSON.parse(body.toString('utf8')) : decodeOtlp(body))
    } catch (error) {
      throw new RequestError(400, error instanceof Error ? error.message : String(error))
    }
  }

  return async (incoming: IncomingMessage, response: ServerResponse, url: URL): Promise<void> => {
    const [type = ''] = (incoming.headers['content-type'] ?? '').toLowerCase().split(';')
    const isJson = type.trim() === 'application/json'
    if (underWay >= maxRequestsAtOnce) {
      response.setHeader('retry-after', '1')
      return send(response, 503, isJson, { message: `${maxRequestsAtOnce} requests are under way` })
    }
    underWay += 1
    try {
      if (url.pathname !== otlpPath) throw new RequestError(404, `no such path: metrics go to ${otlpPath}`)
      if (incoming.method !== 'POST') throw new RequestError(405, 'only POST')
      if (!isJson && type.trim() !== 'application/x-protobuf')
        throw new RequestError(415, 'send application/x-protobuf or application/json')
      const parsed = await parsedOf(incoming, isJson)
      await take(parsed)
      send(response, 200, isJson, partialSuccess(parsed))
    } catch (error) {
      if (!(error instanceof RequestError)) throw error
      // The rest of a body that is not wanted must not be read as the next request.
      response.setHeader('connection', 'close')
      send(response, error.status, isJson, { message: error.message })
    } finally {
      underWay -= 1
    }
  }
}

const unpacked = ({ headers }: IncomingMessage, body: Buffer, maxOutputLength: number): Buffer => {
  const encoding = headers['content-encoding'] ?? 'identity'
  if (encoding === 'identity') return body
  if (encoding !== 'gzip') throw new RequestError(415, `content-encoding ${encoding} is not known: send gzip or none`)
  try {
    return gunzipSync(body, { maxOutputLength })
  } catch (error) {
    const isLong = (error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE'
    throw isLong
      ? new RequestError(413, `the body unpacks to more than ${maxOutputLength} bytes`)
      : new RequestError(400, 'the body is no gzip')
  }
}

const partialSuccess = ({ refused }: Parsed): object => {
  if (refused.length === 0) return {}
  const reasons = [...new Set(refused.map(({ reason }) => reason))].join(', ')
  return { partialSuccess: { rejectedDataPoints: String(refused.length), errorMessage: `refused: ${reasons}` } }
}

/** An error is told as text in JSON to everyone: senders of protobuf do not read it. */
const send = (response: ServerResponse, status: number, isJson: boolean, body: object): void => {
  const isBinary = status === 200 && !isJson
  const bytes = isBinary ? encodeOtlpAnswer(body) : Buffer.from(JSON.stringify(body))
  response.writeHead(status, {
    'content-type': isBinary ? 'application/x-protobuf' : 'application/json',
    'content-length': bytes.length,
  })
  response.end(bytes)
}
