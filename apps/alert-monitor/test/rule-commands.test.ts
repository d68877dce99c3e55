import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startProgram } from '@armature/servers/program'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const example = fileURLToPath(new URL('../rules.example.yaml', import.meta.url))

const run = async (...args: string[]) => {
  const { PATH, HOME } = process.env
  const program = startProgram(process.execPath, [main, ...args], { env: { PATH, HOME } })
  onTestFinished(() => program.kill())
  const { code } = await program.ended()
  return { code, output: program.output() }
}

const fileOf = async (name: string, text: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'rule-commands-'))
  onTestFinished(() => rm(folder, { recursive: true }))
  const path = join(folder, name)
  await writeFile(path, text)
  return path
}

const hot = { type: 'threshold', name: 'hot', metric: 'cpu', stat: 'last', op: '>', value: 90, for: '2m', window: '5m' }
const rulesOf = (...rules: object[]) => fileOf('rules.json', JSON.stringify({ rules }))

describe('check-config', { timeout: 60_000 }, () => {
  test('a good file ends with 0; the example passes its tests', async () => {
    expect(await run('check-config', example)).toMatchObject({ code: 0 })
    expect(await run('test', example)).toEqual({
      code: 0,
      output: expect.stringContaining('4 passed, 0 failed') as string,
    })
  })

  test('every fault has its line and column', async () => {
    const path = await fileOf(
      'rules.yaml',
      "rules:\n  - type: rate\n    name: a b\n    metrc: x\n    op: '>'\n    value: 1\n",
    )
    const { code, output } = await run('check-config', path)
    expect(code).toBe(78)
    expect(output).toContain(`${path}:3:11: error: rules[0].name use 1 to 64 letters`)
    expect(output).toContain(`${path}:4:5: error: rules[0].metrc is no key here: did you mean metric?`)
  })

  test('routes and receivers are checked as what they are', async () => {
    const good = 'route: { receiver: team }\nreceivers: [{ name: team }]\n'
    expect(await run('check-config', await fileOf('alerts.yaml', good))).toEqual({
      code: 0,
      output: expect.stringContaining('1 receivers, no error') as string,
    })
    const bad = await run('check-config', await fileOf('alerts.yaml', good.replace('name: team', 'nmae: team')))
    expect(bad.code).toBe(78)
    expect(bad.output).toMatch(/alerts\.yaml:2:15: error: receivers\[0\]\.nmae is no key here: did you mean name\?/)
  })

  test('a file that is not there ends with 78', async () => {
    expect(await run('check-config', 'nowhere.yaml')).toMatchObject({ code: 78 })
  })
})

test('a test that fails says what fires instead, and ends with 1', { timeout: 60_000 }, async () => {
  const series = [{ metric: 'cpu', values: '95x300' }]
  const expect_ = [{ at: '3m', firing: [{ name: 'cold' }] }]
  const path = await fileOf(
    'rules.json',
    JSON.stringify({ rules: [hot], tests: [{ name: 'heat', series, expect: expect_ }] }),
  )
  const { code, output } = await run('test', path)
  expect(code).toBe(1)
  expect(output).toMatch(/FAILED heat\n +at 3m: \{"name":"cold"\} does not fire\n +at 3m: \{"name":"hot",.* fires/)
})

/** A minute a value: hot from 10 to 19, a dip at 14, hot again from 24 to 26. */
const heat = Array.from({ length: 40 }, (_, minute) => {
  const isHot = (minute >= 10 && minute < 20 && minute !== 14) || (minute >= 24 && minute < 27)
  return { minute, value: isHot ? 95 : 20 }
})
const startS = Date.UTC(2026, 2, 1) / 1000

describe('backtest', { timeout: 60_000 }, () => {
  const expected = { firings: 3, flaps: 2, meanDelayMs: 120_000, maxDelayMs: 120_000 }

  test('over a CSV file: firings, flaps and delay', async () => {
    const rows = heat.map(({ minute, value }) => `2026-03-01 00:${String(minute).padStart(2, '0')}:00,${value}`)
    const csv = await fileOf('cpu.csv', ['timestamp,value', ...rows, 'soon,1', '1772323200,NaN'].join('\r\n'))
    const { code, output } = await run('backtest', await rulesOf(hot), '--csv', csv)
    expect(code).toBe(0)
    expect(output).toMatch(/hot +3 +2 +\S+ +2m +2m\n/)
    expect(output).toContain("line 42: 'soon' is no time")
    expect(output).toContain("line 43: 'NaN' is no value")
    const json = await run('backtest', await rulesOf(hot), '--csv', csv, '--format=json', '--to=2026-03-01T00:19:00Z')
    const [line = ''] = json.output.split('\n').filter((each) => each.startsWith('{'))
    expect(JSON.parse(line)).toMatchObject({ rules: [{ firings: 2, flaps: 1 }] })
  })

  test('over Graphite: the same', async () => {
    const asked: string[] = []
    const server = createServer((request, response) => {
      request.on('data', (chunk: Buffer) => asked.push(chunk.toString()))
      request.on('end', () => {
        const datapoints = heat.map(({ minute, value }) => [value, startS + minute * 60])
        response.end(JSON.stringify([{ target: 'cpu', datapoints: [[null, startS - 60], ...datapoints] }]))
      })
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => void server.close())
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const from = ['--from=2026-03-01', '--to=2026-03-01T00:40:00Z']
    const { code, output } = await run('backtest', await rulesOf(hot), '--graphite', url, ...from, '--format=json')
    expect(code).toBe(0)
    const [line = ''] = output.split('\n').filter((each) => each.startsWith('{'))
    expect(JSON.parse(line)).toMatchObject({ rules: [expected] })
    expect(new URLSearchParams(asked.join(''))).toEqual(
      new URLSearchParams({ format: 'json', from: String(startS), until: String(startS + 2_400), target: 'cpu' }),
    )
  })

  test.each([
    [[], 64, /--graphite URL and --csv FILE/],
    [['--csv=x.csv', '--graphite=http://127.0.0.1:1'], 64, /one of --graphite/],
    [['--graphite=http://127.0.0.1:1'], 64, /--from/],
    [['--graphite=http://127.0.0.1:1', '--from=soon'], 64, /--from=soon is no time/],
    [['--graphite=http://127.0.0.1:1', '--from=-1h', '--to=-2h'], 64, /--from is not before --to/],
    [['--graphite=http://127.0.0.1:2', '--from=-1h'], 69, /ECONNREFUSED/],
    [['--csv=nowhere.csv'], 65, /ENOENT/],
  ])('%j ends with %d', async (args, code, why) => {
    const result = await run('backtest', await rulesOf(hot), ...args)
    expect(result.output).toMatch(why)
    expect(result.code).toBe(code)
  })
})
