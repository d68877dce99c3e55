import { describe, expect, test } from 'vitest'
import type { Clock } from '@armature/async/clock'
import { calm, expectAlert, expectNoRepeat, expectResolved, fallSilent, scenario, spike } from './scenario.ts'

const cpu = { type: 'threshold', name: 'cpu', metric: 'cpu', stat: 'last', op: '>', value: 90, forMs: 20_000 }
const disk = { ...cpu, name: 'disk', metric: 'disk' }
const silent = { type: 'absence', name: 'silent', metric: 'cpu', forMs: 120_000 }

describe('an alert over time', () => {
  test('is raised once and not repeated', async () => {
    await scenario({ rules: [cpu] })
      .at('0s', spike('cpu'))
      .at('30s', expectAlert('cpu'))
      .at('5m', expectNoRepeat())
      .run()
  })

  test('is not raised by a spike shorter than forMs', async () => {
    await scenario({ rules: [cpu] })
      .at('0s', spike('cpu'))
      .at('15s', calm('cpu'))
      .at('10m', expectNoRepeat())
      .run()
  })

  test('is resolved, once, and raised anew', async () => {
    await scenario({ rules: [cpu] })
      .at('0s', spike('cpu'))
      .at('1m', expectAlert('cpu'))
      .at('2m', calm('cpu'))
      .at('2m', expectNoRepeat())
      .at('3m', expectResolved('cpu'))
      .at('8m', expectNoRepeat())
      .at('9m', spike('cpu'))
      .at('10m', expectAlert('cpu'))
      .run()
  })

  test('is repeated after repeatMs and not before', async () => {
    await scenario({ rules: [cpu], config: { repeatMs: 3_600_000 } })
      .at('0s', spike('cpu'))
      .at('1m', expectAlert('cpu'))
      .at('1h', expectNoRepeat())
      .at('61m', expectAlert('cpu'))
      .at('2h', expectNoRepeat())
      .run()
  })

  test('is one of several, each by itself', async () => {
    await scenario({ rules: [cpu, disk] })
      .at('0s', spike('cpu'))
      .at('1m', expectAlert('cpu'))
      .at('2m', spike('disk'))
      .at('3m', expectAlert('disk'))
      .at('4m', calm('cpu'))
      .at('5m', expectResolved('cpu'))
      .run()
  })

  test('of absence', async () => {
    await scenario({ rules: [silent] })
      .at('5m', expectNoRepeat())
      .at('6m', calm('cpu'))
      .at('7m', fallSilent('cpu'))
      .at('8m', expectNoRepeat())
      .at('10m', expectAlert('silent'))
      .at('30m', expectNoRepeat())
      .at('31m', calm('cpu'))
      .at('32m', expectResolved('silent'))
      .run()
  })
})

describe('a clock that is set', () => {
  const skewed = () => {
    const skew = { ms: 0 }
    const clock = (driven: Clock): Clock => ({ now: () => driven.now() + skew.ms, after: driven.after })
    const set = (ms: number) => () => void (skew.ms += ms)
    return { clock, set }
  }

  test.each([
    ['an hour forward', 3_600_000],
    ['an hour back', -3_600_000],
  ])('%s neither raises nor resolves nor repeats anything', async (_, ms) => {
    const { clock, set } = skewed()
    await scenario({ rules: [cpu, silent], clock, config: { repeatMs: 1_800_000 } })
      .at('0s', calm('cpu'))
      .at('2m', set(ms))
      .at('4m', expectNoRepeat())
      .at('5m', spike('cpu'))
      .at('6m', expectAlert('cpu'))
      .at('7m', set(ms))
      .at('9m', expectNoRepeat())
      .at('10m', calm('cpu'))
      .at('11m', expectResolved('cpu'))
      .run()
  })

  test('and stands still keeps the state as it is', async () => {
    let frozenMs: number | undefined
    const clock = (driven: Clock): Clock => ({ now: () => frozenMs ?? driven.now(), after: driven.after })
    await scenario({ rules: [cpu, silent], clock })
      .at('0s', spike('cpu'))
      .at('1m', expectAlert('cpu'))
      .at('2m', (stage) => {
        frozenMs = stage.clock.now()
      })
      .at('30m', expectNoRepeat())
      .run()
  })
})

test('a time that goes back is a mistake in the script', () => {
  expect(() => scenario().at('1m', calm('cpu')).at('30s', calm('cpu'))).toThrow('before')
})
