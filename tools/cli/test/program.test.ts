import { fileURLToPath } from 'node:url'
import { startProgram, type Program } from '@armature/servers/program'
import { afterEach, expect, test } from 'vitest'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const programs: Program[] = []
afterEach(() => Promise.all(programs.splice(0).map((program) => program.kill())))

test.each([
  [['--help'], 0, /^Usage: armature COMMAND \[flags\]\n[^]*\n {2}dlq redrive {2,}Publish [^]*\n {2}tap /],
  [['--version'], 0, /^armature \d+\.\d+\.\d+\n$/],
  [['dlq', 'ls', '--help'], 0, /^Usage: armature dlq ls \[flags\]\n/],
  [[], 64, /no command is given.*the commands are dlq ls, /],
  [['dlq'], 64, /"dlq" is not a command.*the commands are dlq ls, dlq show, dlq stats/],
  [['pulbish'], 64, /did you mean publish\?/],
  [['dlq', 'ls'], 64, /^armature dlq ls: the messaging URL is memory:.*Set MESSAGING_URL or --url/],
  [['tap', '-t', 'a', '--url=nowhere:'], 78, /^armature tap: no messaging driver for nowhere/],
  [['dlq', 'ls', '--url=nats://127.0.0.1:1?connectWaitMs=500'], 69, /^armature dlq ls: nats: 127\.0\.0\.1:1/],
])('%j', { timeout: 60_000 }, async (args, code, said) => {
  const { PATH, HOME } = process.env
  const program = startProgram(process.execPath, [main, ...args], { env: { PATH, HOME } })
  programs.push(program)
  expect(await program.ended(), program.output()).toEqual({ code, signal: null })
  expect(program.output()).toMatch(said)
})
