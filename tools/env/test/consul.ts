import { request } from 'node:http'

/** Writes a key by Consul's own API. */
export const put = async (consulUrl: string, key: string, value: string): Promise<void> => {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>()
  request(`${consulUrl}/v1/kv/${key}`, { method: 'PUT' }, (response) => {
    response.resume().on('end', () => resolve(undefined))
  })
    .on('error', reject)
    .end(value)
  await promise
}
