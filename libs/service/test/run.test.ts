import { createServer } from 'node:net'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { type Child, type ChildOptions, startFixture } from './child.ts'
import { echoDefinition, openCaller } from './echo.ts'

vi.setConfig({ testTimeout: 30_000 })

/** Runs to its end. */
const ran = async (argv: readonly string[], options?: ChildOptions) => {
  const child = startFixture(argv, options)
  const { code, signal } = await child.exit
  return { code, signal, stdout: child.stdout(), stderr: child.stderr() }
}

const steps = (child: Pick<Child, 'stderr'>): readonly string[] =>
  [...child.stderr().matchAll(/^step (.*)$/gm)].map(([, step]) => step ?? '')

const drained = ['start', 'deregister', 'stop intake', 'finish', 'flush', 'close']
const ready = /^waits for calls$/m

describe('ready', () => {
  test('prints an address a line and what it waits for, on stderr, and answers there', async () => {
    const child = startFixture()
    await child.says(ready)
    expect(child.stderr()).toMatch(/^gRPC {2}127\.0\.0\.1:\d+\nadmin http:\/\/127\.0\.0\.1:\d+\nwaits for calls$/m)
    for (const line of child.stdout().trim().split('\n').filter(Boolean))
      expect(JSON.parse(line)).toMatchObject({ service: 'fixture' })
    const [, url = ''] = await child.says(/^admin (\S+)$/m)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('rpc_server_calls_in_flight')
  })

  test('is denied while a check fails, and liveness is not', async () => {
    const child = startFixture(['--mode', 'unready'])
    const [, url = ''] = await child.says(/^admin (\S+)$/m)
    const answer = await fetch(`${url}/readyz`)
    expect([answer.status, await answer.text()]).toEqual([
      503,
      expect.stringContaining('[-]broker failed: not connected'),
    ])
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })
})

describe('a signal', () => {
  test.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('%s drains and exits with 0', async (signal) => {
    const child = startFixture()
    await child.says(ready)
    child.process.kill(signal)
    expect(await child.exit).toEqual({ code: 0, signal: null })
    expect(steps(child)).toEqual(drained)
    expect(child.stderr()).not.toContain('still active')
  })

  test('under load: the call in flight is answered first', async () => {
    const child = startFixture()
    const [, address = ''] = await child.says(/^gRPC {2}(\S+)$/m)
    const caller = openCaller(address)
    const answer = caller.call(echoDefinition, 'Say', { text: 'slow' })
    await child.says(/^step asked$/m)
    child.process.kill('SIGTERM')
    expect(await answer).toEqual({ text: 'slow' })
    expect(await child.exit).toEqual({ code: 0, signal: null })
    caller.close()
  })

  test('twice within a millisecond is one request', async () => {
    const child = startFixture()
    await child.says(ready)
    child.process.kill('SIGINT')
    child.process.kill('SIGINT')
    expect(await child.exit).toEqual({ code: 0, signal: null })
    expect(steps(child)).toEqual(drained)
  })

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('%s again half a second later exits at once with %i', async (signal, code) => {
    const child = startFixture(['--mode', 'hanging-finish', '--drain-deadline-ms', '60000'])
    await child.says(ready)
    child.process.kill(signal)
    await child.says(/^step finish$/m)
    // The first ones that follow count as the same request.
    const asking = setInterval(() => child.process.kill(signal), 50)
    onTestFinished(() => clearInterval(asking))
    expect(await child.exit).toEqual({ code, signal: null })
    expect(steps(child)).not.toContain('close')
  })

  test.each([
    ['slow-start', drained, 0],
    ['obedient-start', ['start', 'close'], 0],
    ['hanging-start', ['start', 'close'], 75],
  ])('during %s closes what was opened: %j, exit %i', async (mode, expected, code) => {
    const child = startFixture(['--mode', mode, '--drain-deadline-ms', '1000'])
    await child.says(/^step start$/m)
    child.process.kill('SIGTERM')
    expect(await child.exit).toEqual({ code, signal: null })
    expect(steps(child)).toEqual(expected)
    expect(child.stderr()).not.toMatch(ready)
  })

  test('shows in readiness while the drain runs', async () => {
    const child = startFixture(['--mode', 'hanging-finish', '--drain-deadline-ms', '60000'])
    const [, url = ''] = await child.says(/^admin (\S+)$/m)
    child.process.kill('SIGTERM')
    await child.says(/^step finish$/m)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    expect((await fetch(`${url}/livez`)).status).toBe(200)
  })
})

describe('the end', () => {
  test.each([
    ['hanging-finish', 'finish in flight'],
    ['hanging-close', 'close'],
  ])('of a drain that hangs (%s) names the step and exits with 75', async (mode, step) => {
    const child = startFixture(['--mode', mode, '--drain-deadline-ms', '300'])
    await child.says(ready)
    child.process.kill('SIGTERM')
    expect(await child.exit).toEqual({ code: 75, signal: null })
    expect(child.stderr()).toContain(`fixture: the drain ran over 300 ms in the step: ${step}`)
    expect(steps(child).at(-1)).toBe('close')
  })

  test('of the input drains and exits with the code of the service', async () => {
    const child = startFixture(['--mode', 'ended'])
    expect(await child.exit).toEqual({ code: 3, signal: null })
    expect(steps(child)).toEqual(drained)
  })

  test('by a rejection no one handled drains and exits with 70', async () => {
    const child = startFixture(['--mode', 'throw'])
    expect(await child.exit).toEqual({ code: 70, signal: null })
    expect(steps(child)).toEqual(drained)
    expect(child.stderr()).toContain('fixture: bug')
  })

  test('with something left over says what, and exits with the code it had', async () => {
    const child = startFixture(['--mode', 'leak'])
    await child.says(ready)
    child.process.kill('SIGTERM')
    expect(await child.exit).toEqual({ code: 0, signal: null })
    expect(child.stderr()).toMatch(/fixture: still active 1000 ms after close: .*Timeout/)
  })
})

describe('a start that fails', () => {
  test('is one line with the fix, closes, and exits with the code of the error', async () => {
    const { code, stderr } = await ran(['--mode', 'failing-start'])
    expect(code).toBe(69)
    expect(stderr).toBe('step start\nstep close\nfixture: no broker. Set MESSAGING_URL\n')
  })

  test.each([
    ['grpc-port', 'GRPC_PORT'],
    ['http-port', 'HTTP_PORT'],
  ])('since the port of --%s is taken says so and exits with 69', async (flag, env) => {
    const holder = createServer()
    const port = await new Promise<number>((resolve) => {
      holder.listen(0, '127.0.0.1', () => resolve((holder.address() as { port: number }).port))
    })
    const { code, stderr } = await ran([`--${flag}`, String(port)])
    holder.close()
    expect(code).toBe(69)
    const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('step '))
    expect(lines).toEqual([
      `fixture: cannot listen on 127.0.0.1:${port}: the port is taken. Stop what holds the port, or set --${flag} (env ${env}) to another one or to 0 for any free one`,
    ])
  })
})

describe('the command line', () => {
  test('a wrong flag and a wrong variable: every fault with its source, exit 64', async () => {
    const { code, stderr, stdout } = await ran(['--grpc-prot', '1', '--http-port=x'], {
      env: { DRAIN_DEADLINE_MS: 'soon' },
    })
    expect(code).toBe(64)
    expect(stdout).toBe('')
    for (const part of ['--grpc-prot', 'did you mean --grpc-port', '--http-port', 'env DRAIN_DEADLINE_MS'])
      expect(stderr).toContain(part)
  })

  test('a wrong variable alone exits with 78', async () => {
    const { code, stderr } = await ran([], { env: { GRPC_PORT: '70000' } })
    expect(code).toBe(78)
    expect(stderr).toContain('env GRPC_PORT')
  })

  test.each([
    [['sned'], 'sned'],
    [['--', 'x'], 'nothing may follow'],
  ])('%j is a fault: exit 64', async (argv, part) => {
    const { code, stderr } = await ran(argv)
    expect(code).toBe(64)
    expect(stderr).toContain(part)
  })

  test('--help lists commands and settings on stdout', async () => {
    const { code, stdout, stderr } = await ran(['--help', '--nonsense'])
    expect([code, stderr]).toEqual([0, ''])
    for (const part of ['echo', 'explain', '--grpc-port', 'GRPC_PORT', '--drain-deadline-ms'])
      expect(stdout).toContain(part)
  })

  test('--help of a command lists its own settings', async () => {
    const { code, stdout } = await ran(['echo', '-h'])
    expect(code).toBe(0)
    expect(stdout).toContain('fixture echo')
    expect(stdout).toContain('--topic')
    expect(stdout).not.toContain('--grpc-port')
  })

  test('--version prints the version', async () => {
    expect(await ran(['--version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^fixture \d+\.\d+\.\d+\n$/) as string,
    })
  })

  test('explain tells which source won, also in the face of a fault', async () => {
    const { code, stdout } = await ran(['explain', 'grpcPort', '--grpc-port', '5000'], { env: { GRPC_PORT: '1' } })
    expect(code).toBe(0)
    expect(stdout).toContain('flag --grpc-port: "5000"  <- wins')
    const faulty = await ran(['explain', 'grpcPort'], { env: { GRPC_PORT: 'x' } })
    expect([faulty.code, faulty.stdout]).toEqual([0, expect.stringContaining('env GRPC_PORT: "x"')])
    expect((await ran(['explain', 'grpcProt'])).code).toBe(64)
  })
})

describe('a command', () => {
  test('gets its settings, arguments and input, and has stdout to itself', async () => {
    const child = startFixture(['echo', '-t', 'T', 'a', '--input', 'b', '--', '--c'], { stdin: 'pipe' })
    child.process.stdin?.end('input')
    expect(await child.exit).toEqual({ code: 0, signal: null })
    expect([child.stdout(), child.stderr()]).toEqual(['T: a\nT: b\nT: --c\ninput', ''])
  })

  test('without a setting it needs exits with 78, with a wrong one 64, and that fails with its code', async () => {
    expect((await ran(['echo'])).code).toBe(78)
    expect((await ran(['echo', '--grpc-port', '1'])).code).toBe(64)
    expect(await ran(['fail'])).toMatchObject({ code: 69, stderr: 'fixture fail: no broker. Set MESSAGING_URL\n' })
  })

  test('told to stop ends by itself with its own code', async () => {
    const child = startFixture(['wait'])
    await child.says(/^waiting$/m)
    child.process.kill('SIGINT')
    expect(await child.exit).toEqual({ code: 5, signal: null })
  })

  test('is told to stop when the reader of its output goes away', async () => {
    const child = startFixture(['lines'])
    await child.says(/^line$/m)
    child.process.stdout?.destroy()
    expect(await child.exit).toEqual({ code: 6, signal: null })
    expect(child.stderr()).toBe('')
  })

  test('that does not obey is ended at its deadline with 75', async () => {
    const child = startFixture(['wait', '--no-obey'])
    await child.says(/^waiting$/m)
    child.process.kill('SIGINT')
    expect(await child.exit).toEqual({ code: 75, signal: null })
    expect(child.stderr()).toContain('did not end within 500 ms')
  })
})
