import { describe, expect, test } from 'vitest'
import { DiscoveryError } from './ports.ts'
import { createClientTarget } from './client-target.ts'
import { parseTarget, targetForms } from './target.ts'

const accepted = [
  ['127.0.0.1:5000', { by: 'grpc-js', target: 'dns:///127.0.0.1:5000' }],
  ['[::1]:5000', { by: 'grpc-js', target: 'dns:///[::1]:5000' }],
  ['dns:///search:5000', { by: 'grpc-js', target: 'dns:///search:5000' }],
  ['consul:///search-service', { by: 'consul health', service: 'search-service', tag: undefined }],
  ['consul:///search-service?tag=v1', { by: 'consul health', service: 'search-service', tag: 'v1' }],
  ['consul:///search_v2?tag=v1.2', { by: 'consul health', service: 'search_v2', tag: 'v1.2' }],
  ['consul:///Search.V2', { by: 'consul health', service: 'Search.V2', tag: undefined }],
  ['consul:///s%C3%BCche%20a?tag=team%3Da%20b', { by: 'consul health', service: 'süche a', tag: 'team=a b' }],
  [`consul:///${'a'.repeat(100)}`, { by: 'consul health', service: 'a'.repeat(100), tag: undefined }],
  [
    'consul://127.0.0.1:8600/search-service?tag=v1',
    { by: 'consul DNS', service: 'search-service', tag: 'v1', server: '127.0.0.1:8600' },
  ],
  [
    'srv:///_grpc._tcp.search-service.default.svc.cluster.local',
    { by: 'srv', service: '_grpc._tcp.search-service.default.svc.cluster.local', server: undefined },
  ],
  ['srv://10.0.0.10:53/_grpc._tcp.a.b', { by: 'srv', service: '_grpc._tcp.a.b', server: '10.0.0.10:53' }],
  ['unix:/run/search.sock', { by: 'grpc-js', target: 'unix:/run/search.sock' }],
  ['unix:///run/search.sock', { by: 'grpc-js', target: 'unix:/run/search.sock' }],
  ['unix:search.sock', { by: 'grpc-js', target: 'unix:search.sock' }],
  ['static:///a:1,[::1]:2', { by: 'static', service: 'a:1,[::1]:2', addresses: ['a:1', '[::1]:2'] }],
] as const

const rejected = [
  ['', 'none of the forms'],
  ['search-service', 'none of the forms'],
  ['127.0.0.1:0', 'none of the forms'],
  ['127.0.0.1:65536', 'none of the forms'],
  ['http://127.0.0.1:5000', 'scheme http:'],
  ['consul:///', 'name of a service'],
  ['consul:///a/b', 'name of a service'],
  ['consul:///a?tga=v1', 'parameter tga'],
  ['consul:///a?tag=', 'tag that Consul does not know'],
  ['consul:///a%2Fb', 'name of a service'],
  ['consul:///..', 'name of a service'],
  ['consul:///%2e%2e', 'name of a service'],
  ['consul:///a%00b', 'name of a service'],
  ['consul:///%zz', 'no escape'],
  [`consul:///${'a'.repeat(257)}`, 'name of a service'],
  ['consul://127.0.0.1:8600/search_v2', 'no DNS label: leave the server out'],
  ['consul://127.0.0.1:8600/a?tag=v1.2', 'no DNS label: leave the server out'],
  ['consul://127.0.0.1/search', 'without a port'],
  ['consul://user:secret@127.0.0.1:8600/search', 'credentials'],
  ['srv:///', 'DNS name'],
  ['srv:///a?tag=v1', 'parameter tag'],
  ['static:///a', 'list of HOST:PORT'],
  ['static://a:1/b:2', 'list of HOST:PORT'],
  ['dns:///search', 'HOST:PORT'],
  ['unix:', 'no path'],
  ['unix://', 'no path'],
  ['unix://run/search.sock', 'no path'],
  [`unix:/${'x'.repeat(107)}`, 'more than 107 bytes'],
] as const

describe('a target', () => {
  test.each(accepted)('%s is understood', (text, target) => {
    expect(parseTarget(text)).toEqual(target)
  })

  test.each(rejected)('%j is refused: %s', (text, problem) => {
    const parse = () => parseTarget(text)
    expect(parse).toThrow(DiscoveryError)
    expect(parse).toThrow(problem)
    expect(parse).toThrow(targetForms[2])
    expect(parse).not.toThrow('secret')
  })
})

test('a service in Consul without an agent says which variable to set', () => {
  expect(() => createClientTarget('consul:///search-service')).toThrow('CONSUL_HTTP_ADDR')
})

test('a static list finds each address', async () => {
  const { resolver, service } = createClientTarget('static:///127.0.0.1:1,[::1]:2')
  expect(await resolver?.resolve(service)).toMatchObject([
    { host: '127.0.0.1', port: 1 },
    { host: '::1', port: 2 },
  ])
})
