import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, onTestFinished, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

const run = (...args: string[]) => {
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let output = ''
  let errors = ''
  child.stdout.on('data', (chunk) => (output += String(chunk)))
  child.stderr.on('data', (chunk) => (errors += String(chunk)))
  const ended = once(child, 'close').then(([code]) => ({ code: code as number, output, errors }))
  return { child, ended, output: () => output }
}

describe('the command', () => {
  test.each(['bus', 'topic'])('over %s runs as long as it is told to and ends with 0', async (over) => {
    const { code, output, errors } = await run('--over', over, '--for', '200ms').ended
    expect({ code, errors }).toEqual({ code: 0, errors: '' })
    expect(output).toMatch(/^0 s {2}c1 {2}\+\d+\n0 s {2}c2 {2}\+\d+\n0 s {2}c3 {2}\+\d+\n0 s {2}c4 {2}\+\d+\n$/)
  })

  test('stops cleanly on a signal', async () => {
    const { child, ended, output } = run('--for', '60s')
    await expect.poll(output, { timeout: 20_000 }).toContain('c4')
    child.kill('SIGINT')
    const { code, output: all } = await ended
    expect(code).toBe(0)
    expect(all.trim().split('\n').length % 4).toBe(0)
  })

  test.each([
    ['--over', 'pigeon'],
    ['--for', 'ever'],
    ['--for', '0s'],
    ['--for', '61m'],
    ['--unknown'],
    ['positional'],
  ])('refuses %s %s with 64, and says how to call it', async (...args) => {
    const { code, output, errors } = await run(...args).ended
    expect({ code, output }).toEqual({ code: 64, output: '' })
    expect(errors).toContain('usage:')
  })
}, 30_000)
