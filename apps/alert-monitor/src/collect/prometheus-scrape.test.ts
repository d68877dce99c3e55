import { expect, test } from 'vitest'
import { instancesOf } from './prometheus-scrape.ts'

test('the instance is host and port', () => {
  expect([
    ...instancesOf(['http://a:9100/metrics', 'http://b/metrics', 'https://b/metrics', 'http://[::1]:9/m']),
  ]).toEqual([
    ['http://a:9100/metrics', 'a:9100'],
    ['http://b/metrics', 'b:80'],
    ['https://b/metrics', 'b:443'],
    ['http://[::1]:9/m', '[::1]:9'],
  ])
})

test('bug: two addresses of one host and port had one instance, so that their series were mixed', () => {
  const urls = ['http://a:9115/probe?target=x', 'http://user:secret@a:9115/probe?target=y', 'http://b:1/metrics']
  expect([...instancesOf(urls).values()]).toEqual(['a:9115/probe?target=x', 'a:9115/probe?target=y', 'b:1'])
})

test('an address that is given twice is asked once', () => {
  expect([...instancesOf(['http://a:1/m', 'http://a:1/m', 'http://a:1/m#part'])]).toEqual([['http://a:1/m', 'a:1']])
})
