import { drivenClock } from '@armature/async/clock'
import type { KeyValue } from '@armature/messaging/key-value'
import { expect, onTestFinished, test } from 'vitest'
import * as z from 'zod'
import { memoryBucket, type MemoryBucket } from '../../test/memory-key-value.ts'
import { createCollections } from './collections.ts'

const clock = drivenClock(Date.UTC(2026, 0, 5, 12))

/** Texts in a bucket. `cut` keeps this process alone from the bucket, and what `refuses` names is not taken by it. */
const openTexts = async (bucket: MemoryBucket, refuses: (value: string) => boolean = () => false) => {
  const way = bucket.connect()
  const state = { isCut: false }
  const reach = <Result>(call: () => Promise<Result>, isRefused = false): Promise<Result> =>
    state.isCut || isRefused ? Promise.reject(new Error('away')) : call()
  const cuttable: KeyValue = {
    ...way,
    get: (key) => reach(() => way.get(key)),
    put: (key, value, revision) => reach(() => way.put(key, value, revision), refuses(value)),
    remove: (key, revision) => reach(() => way.remove(key, revision)),
    watch: (onChange, onLost) => way.watch((...change) => void (state.isCut || onChange(...change)), onLost),
  }
  const collections = createCollections({ bucket: cuttable, clock, warn: () => undefined })
  const texts = collections.collection({ prefix: 'texts', schema: z.string(), merge: (own) => own })
  await collections.load()
  onTestFinished(() => collections.close())
  return { ...{ collections, texts }, cut: (isCut: boolean) => void (state.isCut = isCut) }
}

test('bug: what was removed while the bucket was away took what another process wrote meanwhile', async () => {
  const bucket = memoryBucket()
  const [one, two] = [await openTexts(bucket), await openTexts(bucket)]
  await one.texts.update('a', () => 'first')
  await one.texts.update('b', () => 'first')
  await clock.advance(0)
  one.cut(true)
  await one.texts.update('a', () => undefined)
  await one.texts.update('b', () => undefined)
  await two.texts.update('a', () => 'second')
  one.cut(false)
  await clock.advance(5_000)
  expect(bucket.get('texts.a')).toBe('second')
  expect([...one.texts.entries()]).toEqual([['a', 'second']])
  expect(bucket.keys('texts')).toEqual(['texts.a'])
  expect(one.collections.unsaved).toBe(0)
})

test('bug: what was removed while the bucket was away counted in the size', async () => {
  const bucket = memoryBucket()
  const { texts, cut } = await openTexts(bucket)
  await texts.update('a', () => 'first')
  cut(true)
  await texts.update('b', () => 'second')
  for (const id of ['a', 'b']) await texts.update(id, () => undefined)
  expect(texts.size).toBe(0)
  cut(false)
  await clock.advance(5_000)
  expect(bucket.keys('texts')).toEqual([])
  await texts.update('a', () => 'third')
  expect(texts.size).toBe(1)
})

test('bug: a value that the bucket refuses kept the later ones from it', async () => {
  const bucket = memoryBucket()
  const { collections, texts, cut } = await openTexts(bucket, (value) => value.includes('huge'))
  cut(true)
  for (const text of ['huge', 'small', 'smaller']) await texts.update(text, () => text)
  cut(false)
  await clock.advance(5_000)
  expect(bucket.keys('texts')).toEqual(['texts.small', 'texts.smaller'])
  expect(collections.unsaved).toBe(1)
})

test('bug: what a bucket held was gone at the next start when somebody had deleted the bucket', async () => {
  const bucket = memoryBucket()
  const [one, two] = [await openTexts(bucket), await openTexts(bucket)]
  for (const id of ['a', 'b', 'c']) await one.texts.update(id, () => `first of ${id}`)
  await one.texts.update('c', () => undefined)
  bucket.deleteAll()
  await two.texts.update('b', () => 'second')
  await clock.advance(1_000)
  expect(bucket.keys('texts.').toSorted()).toEqual(['texts.a', 'texts.b'])
  for (const { texts } of [one, two, await openTexts(bucket)])
    expect([texts.get('a'), texts.get('c')]).toEqual(['first of a', undefined])
})
