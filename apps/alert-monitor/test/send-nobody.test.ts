import { fileURLToPath } from 'node:url'
import { serverDeadlineMs, serverUrl, skipped, uniqueName } from '@armature/servers/fixture'
import { startProgram, type Program } from '@armature/servers/program'
import { afterEach, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const programs: Program[] = []
afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))

test.skipIf(skipped('rabbitmq'))(
  'RabbitMQ: send to a topic that nobody reads says so and ends with 69',
  async () => {
    const url = await serverUrl('rabbitmq')
    const { PATH, HOME } = process.env
    const line = [main, 'send', `--on=${uniqueName('nobody')}`, 'x']
    const program = startProgram(process.execPath, line, { env: { PATH, HOME, MESSAGING_URL: url } })
    programs.push(program)
    const { code } = await program.ended(60_000)
    expect([code, program.output()]).toEqual([69, expect.stringContaining('mandatory=false')])
  },
  serverDeadlineMs,
)
