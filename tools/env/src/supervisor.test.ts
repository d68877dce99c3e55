import { onTestFinished, expect, test, vi } from 'vitest'
import { supervise } from './supervisor.ts'

const start = (command: readonly string[]) => {
  const onEnd = vi.fn()
  const onFault = vi.fn()
  const supervisor = supervise({
    ...{ command, onEnd, onFault, onRefused: vi.fn(), path: process.env['PATH'] },
    ...{ killSignal: 'SIGTERM', killTimeoutMs: 1_000, splayMs: 0 },
  })
  onTestFinished(() => supervisor.stop())
  return { supervisor, onEnd, onFault }
}

test('bug: what the system refuses at once ended the program: it is told as a fault', () => {
  const { supervisor, onFault } = start(['true', 'x'.repeat(200_000)])
  supervisor.run({})
  expect(onFault).toHaveBeenCalledExactlyOnceWith(new Error('its arguments and environment are too long'))
})

test('bug: a change just after the command had ended started it again', async () => {
  const { supervisor, onEnd } = start(['sh', '-c', 'exit 3'])
  supervisor.run({})
  await vi.waitFor(() => expect(onEnd).toHaveBeenCalledWith(3), { timeout: 20_000 })
  supervisor.run({ CHANGED: '1' })
  expect(supervisor.signal('SIGHUP')).toBe('no child')
})
