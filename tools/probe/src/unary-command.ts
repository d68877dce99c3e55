import { consulSettings } from '@armature/config/consul'
import { checkedText, text } from '@armature/config/settings'
import { createClientTarget } from '@armature/discovery/client-target'
import { createConsulClient } from '@armature/discovery/consul-client'
import { callWith, retrying } from '@armature/search-api/client'
import { command } from '@armature/service/command'
import { Client, credentials } from '@grpc/grpc-js'
import * as z from 'zod'
import { steadily, steadySettings } from './steady-settings.ts'
import { checkMethod, textMethod } from './text-method.ts'

const settings = z.object({
  ...consulSettings,
  address: text().meta({
    description: 'The server: HOST:PORT, consul:///SERVICE, srv:///NAME',
    env: 'PROBE_ADDRESS',
  }),
  method: checkedText(checkMethod).meta({
    description: 'The method, package.Service/Method. It must be idempotent',
    env: 'PROBE_METHOD',
  }),
  text: text().meta({
    description: 'The text in field 1 of the request. {n} in it is the number of the call',
    env: 'PROBE_TEXT',
  }),
  ...steadySettings,
})

/**
 * `armature-probe unary`: calls any method whose request begins with a text, at a steady rate until it is stopped, with the retries of
 * libs/search-api. It prints what `calls` prints, and exits as that does.
 */
export const unaryCommand = command({
  summary: 'Call a unary method with a text at a steady rate until stopped, and print what came of it as JSON',
  settings,
  run: async (asked, io) => {
    const { consulHttpAddr, address, method, timeoutMs } = asked
    const consul = consulHttpAddr === undefined ? undefined : createConsulClient({ ...asked, consulHttpAddr })
    const { target, options } = createClientTarget(address, { consul })
    const [serviceName, methodName] = method.split('/')
    const channel = retrying(options, [{ service: serviceName, method: methodName }])
    const client = new Client(target, credentials.createInsecure(), channel)
    const send = callWith(client, { call: textMethod(method) }, timeoutMs)
    const call = (number: number) => send('call', { text: asked.text.replaceAll('{n}', String(number)) })
    const code = await steadily(call, asked, io)
    client.close()
    consul?.close()
    return code
  },
})
