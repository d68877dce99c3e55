import { consulSettings } from '@armature/config/consul'
import { text } from '@armature/config/settings'
import { createClientTarget } from '@armature/discovery/client-target'
import { createConsulClient } from '@armature/discovery/consul-client'
import { createSearchClient } from '@armature/search-api/client'
import { command } from '@armature/service/command'
import * as z from 'zod'
import { steadily, steadySettings } from './steady-settings.ts'

const settings = z.object({
  ...consulSettings,
  address: text()
    .default('consul:///search-service')
    .meta({ description: 'The server: HOST:PORT, consul:///SERVICE, srv:///NAME', env: 'SEARCH_ADDRESS' }),
  ...steadySettings,
})

/**
 * `armature-probe calls`: calls search-service at a steady rate until it is stopped, as a client of it does, and prints what came of the calls as one
 * JSON object. They begin once a first call has succeeded. Exits with 0 if none failed, else with 69.
 */
export const callsCommand = command({
  summary: 'Call search-service at a steady rate until stopped, and print what came of it as JSON',
  settings,
  run: async (asked, io) => {
    const { consulHttpAddr, address, timeoutMs } = asked
    const consul = consulHttpAddr === undefined ? undefined : createConsulClient({ ...asked, consulHttpAddr })
    const { target, options } = createClientTarget(address, { consul })
    const client = createSearchClient(target, { deadlineMs: timeoutMs, channel: options })
    const call = (number: number) => client.search({ point: pointOf(number), page_size: 1 })
    const code = await steadily(call, asked, io)
    client.close()
    consul?.close()
    return code
  },
})

/** Points all over the world, the same in each run. */
const pointOf = (number: number) => ({ lat: ((number * 37) % 150) - 75, lng: ((number * 101) % 360) - 180 })
