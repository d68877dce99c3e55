import type { IncomingMessage } from 'node:http'

/** A request that cannot be answered as asked, with the status that says so. */
export class RequestError extends Error {
  override readonly name = 'RequestError'
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

export const maxBodyBytes = 1024 * 1024

/**
 * The body of a request as JSON. Rejects with RequestError: 415 for another content type, which a web page could send without asking, 413 for
 * a body longer than `maxBodyBytes`, of which no more is read, 400 for what is no JSON.
 */
export const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type))
    throw new RequestError(415, 'the body must be JSON: send the header content-type: application/json')
  if (Number(request.headers['content-length'] ?? 0) > maxBodyBytes) throw tooLarge()
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > maxBodyBytes) throw tooLarge()
    chunks.push(chunk)
  }
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks)))
  } catch (error) {
    throw new RequestError(400, `the body is no JSON: ${(error as Error).message.slice(0, 200)}`)
  }
}

const tooLarge = () => new RequestError(413, `the body is longer than ${maxBodyBytes} bytes: send less at once`)
