import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterEach, describe, expect, test } from 'vitest'
import { freePort, freeUdpPort } from './free-port.ts'

const run = promisify(execFile)
const here = fileURLToPath(new URL('free-port.ts', import.meta.url))

const opened: { close(): unknown }[] = []
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
})

const ports = (count: number, find = freePort) => Promise.all(Array.from({ length: count }, find))

const firstLine = async (stream: Readable | null): Promise<number[]> => {
  if (stream === null) return []
  for await (const line of createInterface(stream)) return JSON.parse(line) as number[]
  return []
}

describe('a free port', () => {
  test('can be listened on', async () => {
    const port = await freePort()
    const server = createServer()
    opened.push(server)
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen(port, '127.0.0.1', resolve)
    })
  })

  test.each([freePort, freeUdpPort])('is given once', async (find) => {
    const found = await ports(300, find)
    expect(new Set(found).size).toBe(300)
  })

  test.runIf(process.platform === 'linux')(
    'bug: an outgoing connection took the port of a stopped server',
    async () => {
      const first = Number.parseInt(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8'), 10)
      expect(Math.max(...(await ports(300)))).toBeLessThan(first)
    },
  )

  test.runIf(process.platform === 'linux')('bug: two processes got one port', async () => {
    const each = 400
    const script = `
      const { freePort } = await import(${JSON.stringify(here)})
      const found = []
      for (let i = 0; i < ${each}; i++) found.push(await freePort())
      console.log(JSON.stringify(found))
      process.stdin.resume()`
    const processes = [0, 1].map(() => run(process.execPath, ['--input-type=module', '-e', script]))
    const [one = [], two = []] = await Promise.all(processes.map(({ child }) => firstLine(child.stdout)))
    for (const { child } of processes) child.stdin?.end()
    await Promise.all(processes)
    expect(one.filter((port) => two.includes(port))).toEqual([])
    expect(one).toHaveLength(each)
  })
})
