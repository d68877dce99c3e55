import { defineEvents } from '@armature/messaging/events'
import * as z from 'zod'

/** The content types of a line: text, and a JSON object. */
export const lineContentTypes = ['text/plain; charset=utf-8', 'application/json'] as const

/** How a child ended: the body of the record of its exit. */
export const exitRecord = z.object({
  type: z.literal('exit'),
  command: z.string(),
  code: z.int().nullable().describe('Null where a signal ended it'),
  signal: z.string().nullable(),
  runtimeMs: z.number(),
  stderr: z.array(z.string()).describe('The last lines of its standard error'),
})
export type ExitRecord = z.infer<typeof exitRecord>

const topic = { setting: 'topic' } as const

/** All that log-shipper publishes. */
export const events = defineEvents({
  sends: [
    { name: 'log-line', summary: 'A line of a log, its bytes unchanged', topic, contentTypes: lineContentTypes },
    { name: 'exit-record', summary: 'How the child ended whose lines were shipped', topic, schema: exitRecord },
  ],
  receives: [],
})
