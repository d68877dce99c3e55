import { expect, test } from 'vitest'
import { searchUrl } from './log-lines.ts'

test.each([
  ['http://search:9200/logs-%Y.%m.%d', 'http://search:9200/logs-*/_search'],
  ['http://search:9200/logs-*', 'http://search:9200/logs-*/_search'],
  ['opensearch:https://a:b@search:9200/{topic}-%Y', 'https://a:b@search:9200/*/_search'],
  ['http://search:9200/', 'http://search:9200/*/_search'],
  ['http://search:9200/lines', 'http://search:9200/lines/_search'],
])('the lines of %s are searched at %s', (sink, url) => expect(String(searchUrl(sink))).toBe(url))
