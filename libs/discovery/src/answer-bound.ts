import type { ClientRequest, IncomingMessage } from 'node:http'
import type Consul from 'consul'

/** The largest answer: a hundred values of the largest size that Consul takes, or some ten thousand instances. */
const maxAnswerBytes = 64 * 1024 * 1024

/** An HTTP request of papi, the client that the package `consul` is made of, before it is sent. */
interface PapiRequest {
  transport: { request: (options: object) => ClientRequest }
}

interface Extensible {
  _ext(event: 'onRequest', extension: (request: PapiRequest, next: () => void) => void): void
}

/** Lets a client read no more than 64 MiB of one answer: papi would keep all that a server sends in the time of the question. */
export const boundAnswers = (client: Consul): void => {
  ;(client as unknown as Extensible)._ext('onRequest', (asked, next) => {
    const { transport } = asked
    asked.transport = { request: (options) => bounded(transport.request(options)) }
    next()
  })
}

const bounded = (request: ClientRequest): ClientRequest =>
  request.once('response', (response: IncomingMessage) => {
    let bytes = 0
    response.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= maxAnswerBytes) return
      request.destroy()
      // The papi client reports its own time limit in the same way: a request that has an answer emits no error when it is destroyed.
      request.emit('error', new Error(`it answered more than ${maxAnswerBytes} bytes`))
    })
  })
