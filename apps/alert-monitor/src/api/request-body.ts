import type { IncomingMessage } from 'node:http'
import { boundedBody, RequestError } from '@armature/service/http-request'

export const maxBodyBytes = 1024 * 1024

/**
 * The body of a request as JSON. Rejects with RequestError: 415 for another content type, which a web page could send without asking, 413 for
 * a body longer than `maxBodyBytes`, of which no more is read, 400 for what is no JSON.
 */
export const readJson = async (request: IncomingMessage): Promise<unknown> => {
  const type = request.headers['content-type'] ?? ''
  if (!/^application\/(?:[\w.+-]+\+)?json\s*(?:;|$)/i.test(type))
    throw new RequestError(415, 'the body must be JSON: send the header content-type: application/json')
  const body = await boundedBody(request, maxBodyBytes)
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body))
  } catch (error) {
    throw new RequestError(400, `the body is no JSON: ${(error as Error).message.slice(0, 200)}`)
  }
}
