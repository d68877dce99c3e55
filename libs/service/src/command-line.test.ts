import { expect, test } from 'vitest'
import * as z from 'zod'
import { command } from './command.ts'
import { readCommand, readCommandLine, readSettings } from './command-line.ts'

const send = command({ summary: 'Send', settings: z.object({}), run: () => Promise.resolve(0) })
const read = (argv: readonly string[], takes = {}) =>
  readCommandLine('monitor', argv, { send, 'box ls': send, 'box drop': send }, takes)

test.each([
  [[], { kind: 'serve', argv: [] }],
  [['--on', 'x'], { kind: 'serve', argv: ['--on', 'x'] }],
  [['send', '--on=x', 'm'], { kind: 'command', name: 'send', argv: ['--on=x', 'm'] }],
  [['box', 'ls', '--on=x', 'm'], { kind: 'command', name: 'box ls', argv: ['--on=x', 'm'] }],
  [['box', 'ls'], { kind: 'command', name: 'box ls', argv: [] }],
  [['box', 'ls', '-h'], { kind: 'help', name: 'box ls' }],
  [['box', '-h'], { kind: 'help' }],
  [['--help'], { kind: 'help' }],
  [['send', '-h'], { kind: 'help', name: 'send' }],
  [['--on', 'x', '-V'], { kind: 'version' }],
  [['--', '--help'], { kind: 'serve' }],
  [['send', '--', '-V'], { kind: 'command', name: 'send' }],
  [['explain'], { kind: 'explain', key: undefined, argv: [] }],
  [['explain', 'grpcPort', '--on=x'], { kind: 'explain', key: 'grpcPort', argv: ['--on=x'] }],
  [['explain', '--on=x'], { kind: 'explain', key: undefined, argv: ['--on=x'] }],
])('%j is asked as %j', (argv, asked) => {
  expect(read(argv)).toMatchObject(asked)
})

test.each([
  [['sned'], /"sned" is not a command.*did you mean send/],
  [['zzzzzzzz'], /the commands are send, box ls, box drop, explain/],
  [['box'], /"box" is not a command.*the commands are box ls, box drop\.$/m],
  [['box', 'drpo'], /"box drpo" is not a command.*did you mean box drop/],
  [['constructor'], /is not a command/],
])('%j is a fault', (argv, message) => {
  expect(() => read(argv)).toThrow(message)
})

test.each([
  [['find'], /"find" is not a command of monitor any more.*call finder/],
  [['find', '--on=x', '-h'], /call finder\.$/m],
  [['old', 'ls', 'FILE'], /"old ls" is not a command of monitor any more.*call newer/],
])('%j, which was a command once, says what to call instead', (argv, message) => {
  expect(() => read(argv, { moved: { find: 'finder', 'old ls': 'newer' } })).toThrow(message)
})

test('a word is the service own where it takes arguments', () => {
  expect(read(['sned'], { positionals: { usage: 'FILE' } })).toEqual({ kind: 'serve', argv: ['sned'] })
})

const serveWords = { run: { summary: 'Run a file', usage: 'FILE', flag: 'handlers' } }

test('a word may run the service itself with an operand', () => {
  const argv = ['run', 'a b.ts', '--group=blue']
  expect(read(argv, { serveWords })).toEqual({ kind: 'serve', argv: ['--handlers=a b.ts', '--group=blue'] })
  expect(read(['run', '--help'], { serveWords })).toEqual({ kind: 'help' })
  expect(() => read(['rnu', 'x'], { serveWords })).toThrow(/did you mean run/)
})

test.each([[['run']], [['run', '--group=blue']]])('%j lacks its operand', (argv) => {
  expect(() => read(argv, { serveWords })).toThrow(/FILE is missing.*write monitor run FILE/)
})

test('what follows -- is taken only where something may', () => {
  const settings = z.object({})
  expect(readSettings('x', settings, ['--', 'a', '-b'], {}, { rest: 'COMMAND' }).rest).toEqual(['a', '-b'])
  expect(() => readSettings('x', settings, ['--', 'a'], {}, {})).toThrow(/nothing may follow/)
  expect(readSettings('x', settings, ['--'], {}, {}).rest).toEqual([])
})

const readOfProgram = (argv: readonly string[]) => readCommand('tool', argv, { send, 'box ls': send, 'box drop': send })

test.each([
  [['send', 'm'], { kind: 'command', name: 'send', argv: ['m'] }],
  [['box', 'ls', '-h'], { kind: 'help', name: 'box ls' }],
  [['-h'], { kind: 'help' }],
  [['--version'], { kind: 'version' }],
])('%j is asked of a program as %j', (argv, asked) => {
  expect(readOfProgram(argv)).toMatchObject(asked)
})

test.each([
  [[], /no command is given.*the commands are send, box ls, box drop\.$/m],
  [['explain'], /"explain" is not a command/],
  [['--on=x', 'send'], /"--on=x" is not a command/],
  [['box'], /the commands are box ls, box drop\.$/m],
])('%j is a fault of a program without a service', (argv, message) => {
  expect(() => readOfProgram(argv)).toThrow(message)
})
