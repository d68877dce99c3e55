import type { Random } from '@armature/async/random'
import type { BulkServer } from './bulk-server.ts'

export interface FailureRates {
  readonly requests: number
  readonly items: number
}

/** Makes the server fail by chance: whole requests (busy, cut before or after it stored them, half an answer) and single items. */
export const failByChance = (server: BulkServer, random: Random, rates: FailureRates, poison: ReadonlySet<string>) => {
  const faults = { requests: 0, items: 0 }
  const one = <T>(choices: readonly T[]): T => choices[Math.floor(random.next() * choices.length)] as T
  let spoil: ((body: string) => string) | undefined

  server.onRequest = (_actions, response) => {
    spoil = undefined
    if (random.next() >= rates.requests) return false
    faults.requests += 1
    const refuse = (status: number, headers = {}) => {
      response.writeHead(status, headers).end('no')
      return true
    }
    return one([
      () => refuse(429, { 'retry-after': '1' }),
      () => refuse(503),
      () => refuse(500),
      () => {
        response.destroy()
        return true
      },
      () => {
        spoil = () => {
          response.destroy()
          return ''
        }
        return false
      },
      () => {
        spoil = (body) => body.slice(0, Math.floor(body.length * random.next()))
        return false
      },
    ])()
  }
  server.onAnswer = (body) => spoil?.(body) ?? body
  server.onItem = ({ operation, id }) => {
    if (poison.has(id)) return { status: 400, error: { type: 'mapper_parsing_exception', reason: 'poison' } }
    if (operation === 'delete' || random.next() >= rates.items) return undefined
    faults.items += 1
    return { status: one([429, 500, 503]), error: { type: 'rejected_execution_exception', reason: 'by chance' } }
  }
  return faults
}
