import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ConsulConfig } from '@armature/config/consul'
import { onTestFinished } from 'vitest'

export type Answer = (request: IncomingMessage, response: ServerResponse) => void

/** An HTTP server that answers as the test says, at the address of an agent. */
export const scriptedConsul = async (first: Answer) => {
  let answer = first
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    requests.push(request)
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests: requests as readonly IncomingMessage[],
    answers: (next: Answer) => void (answer = next),
  }
}

export const json =
  (body: unknown, index = '1'): Answer =>
  (_request, response) => {
    response.setHeader('x-consul-index', index)
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(body))
  }

export const fails =
  (status: number, text: string): Answer =>
  (_request, response) => {
    response.writeHead(status, { 'content-type': 'text/plain' }).end(text)
  }

export const consulConfig = (consulHttpAddr: string, more: Partial<ConsulConfig> = {}) => ({ ...more, consulHttpAddr })

/** An entry of `/v1/health/service/NAME`. */
export const entry = (id: string, port: number) => ({
  Node: { Address: '127.0.0.1' },
  Service: { ID: id, Service: 'search-service', Address: '', Port: port, Tags: ['v1'], Meta: { version: '1' } },
})
