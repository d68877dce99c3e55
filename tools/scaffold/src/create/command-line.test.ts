import { expect, test } from 'vitest'
import { answersOf, readCommandLine } from './command-line.ts'

const nobody = undefined

test('every question has a flag', async () => {
  const line = readCommandLine([...['shop', '--name=a', '--scope=@b', '--services=reactor', '--brokers', 'nats']])
  const answers = { folder: 'shop', name: 'a', scope: '@b', services: 'reactor', brokers: 'nats' }
  expect(await answersOf(line, nobody)).toEqual(answers)
})

test('--yes takes the defaults', async () => {
  expect(await answersOf(readCommandLine(['here/shop', '--yes']), nobody)).toEqual({
    folder: 'here/shop',
    name: 'shop',
    scope: '@shop',
    services: 'search-service,log-shipper,aggregator,alert-monitor,reactor',
    brokers: 'kafka,nats',
  })
})

test('what is not said is asked', async () => {
  const questions: string[] = []
  const ask = async (question: string, otherwise: string) => {
    questions.push(`${question} ${otherwise}`)
    return question.includes('called') ? 'store' : otherwise
  }
  const answers = await answersOf(readCommandLine(['shop', '--brokers=redis']), ask)
  expect(answers).toMatchObject({ folder: 'shop', name: 'store', scope: '@store', brokers: 'redis' })
  expect(questions.map((each) => each.split('?')[0])).toEqual([
    'What is the platform called',
    'What is the scope of its packages',
    'Which example services stay',
  ])
})

test('without a terminal a missing answer is named', async () => {
  await expect(answersOf(readCommandLine([]), nobody)).rejects.toThrow('the folder is not given')
  await expect(answersOf(readCommandLine(['shop']), nobody)).rejects.toThrow(
    'Nobody can be asked, since this is no terminal, and --name is not given. Give it, or --yes for the defaults.',
  )
})

test.each([
  [['shop', '--broker=nats'], "Unknown option '--broker'"],
  [['a', 'b'], 'There is more than one folder (a, b)'],
  [['shop', '--name'], "Option '--name <value>' argument missing"],
])('%j is refused', (args, problem) => {
  expect(() => readCommandLine(args)).toThrow(problem)
})
