import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { manifests, ofKind } from '../src/manifests.ts'
import { deadlineMs, platform, profile, profiles, renderPlatform, root } from './render-platform.ts'
import { runHelm } from './run-helm.ts'
import { isWhole } from './app-charts.ts'

/** The settings stand beside them, and a platform of another name has the same settings with other checksums. */
const withoutChecksums = (text: string): string => text.replaceAll(/(checksum\/config: )[0-9a-f]{64}/g, '$1sha256')

describe.runIf(isWhole).each(profiles)('the profile %s', (name) => {
  // `npx nx test charts -- --update` writes them anew.
  test('renders as k8s/rendered shows', { timeout: deadlineMs }, async () => {
    const rendered = withoutChecksums(await renderPlatform(...profile(name)))
    await expect(rendered).toMatchFileSnapshot(join(root, `k8s/rendered/${name}.yaml`))
  })

  test('renders the same twice', { timeout: deadlineMs }, async () => {
    expect(await renderPlatform(...profile(name))).toBe(await renderPlatform(...profile(name)))
  })

  test('passes helm lint --strict', { timeout: deadlineMs }, async () => {
    expect(await runHelm('lint', '--strict', platform, ...profile(name))).toContain('0 chart(s) failed')
  })

  test(
    'has no definition of a custom resource, and keeps what an operator makes',
    { timeout: deadlineMs },
    async () => {
      const objects = manifests(await renderPlatform(...profile(name)))
      expect(ofKind(objects, 'CustomResourceDefinition')).toEqual([])
      const own = /^(?:v1|apps\/v1|batch\/v1|policy\/v1|rbac\.authorization\.k8s\.io\/v1|networking\.k8s\.io\/v1)$/
      const custom = objects.filter(({ apiVersion }) => !own.test(apiVersion))
      expect(custom.map(({ kind }) => kind).sort()).toEqual(
        name === 'operators' ? ['Cluster', 'Kafka', 'KafkaNodePool', 'OpenSearchCluster', 'RabbitmqCluster'] : [],
      )
      const policies = custom.map(({ metadata }) => metadata.annotations?.['helm.sh/resource-policy'])
      expect(policies.filter((policy) => policy !== 'keep')).toEqual([])
    },
  )
})

describe.runIf(isWhole)('values that are refused before anything is made', () => {
  test.each<[what: string, flags: string[], message: RegExp]>([
    ['a typo in a backend', ['backends.kafka.embeded.heap=-Xmx1g'], /'embeded' not allowed/],
    [
      'a typo deeper',
      ['backends.kafka.embedded.persistence.sise=1Gi'],
      /kafka\/embedded\/persistence.*'sise' not allowed/,
    ],
    ['a typo at the top', ['demodata.enabled=true'], /'demodata' not allowed/],
    ['a typo in an app', ['reactor.config.logLevle=info'], /logLevle/],
    [
      'an unknown mode',
      ['backends.kafka.mode=extern'],
      /kafka\/mode.*one of 'embedded', 'operator', 'external', 'disabled'/,
    ],
    [
      'an operator that is not known',
      ['backends.nats.mode=operator'],
      /nats\/mode.*'embedded', 'external', 'disabled'/,
    ],
    ['an unknown profile', ['profile=prod'], /profile.*'laptop', 'production'/],
    ['external without a host', ['backends.kafka.mode=external'], /set backends\.kafka\.external\.host/],
    [
      'Consul without a host',
      ['backends.consul.mode=external'],
      /there is no host: set backends\.consul\.external\.host to the host of the server$/m,
    ],
    [
      'SASL without a user',
      ['backends.kafka.mode=external,backends.kafka.external.host=k,backends.kafka.external.sasl=plain'],
      /set backends\.kafka\.external\.existingSecret/,
    ],
    [
      'a CA without TLS',
      ['backends.nats.mode=external,backends.nats.external.host=n,backends.nats.external.tls.caFile=/ca.pem'],
      /set backends\.nats\.external\.tls\.enabled to true/,
    ],
    ['an operator without PostGIS', ['backends.postgres.mode=operator'], /set backends\.postgres\.operator\.image/],
    [
      'an embedded backend in production',
      ['profile=production'],
      /set it to operator, external or disabled, or set backends\.kafka\.embedded\.allowInProduction to true/,
    ],
    [
      'an app whose backend is disabled',
      ['backends.nats.mode=disabled'],
      /reactor\.secrets\.messagingUrl\.existingSecret names the Secret of nats.*set that mode to another/,
    ],
    [
      'a log shipper whose backend is disabled',
      ['backends.kafka.mode=disabled,aggregator.enabled=false'],
      /search-service\.logShipping\.mode to none/,
    ],
    [
      'HPA and KEDA together',
      ['reactor.autoscaling.hpa.enabled=true,reactor.autoscaling.keda.enabled=true'],
      /hpa.*keda|keda.*hpa/s,
    ],
  ])('%s', { timeout: deadlineMs }, async (_, flags, message) => {
    await expect(renderPlatform(...flags.flatMap((flag) => ['--set', flag]))).rejects.toThrow(message)
  })

  test('all faults are told together', { timeout: deadlineMs }, async () => {
    const failure = renderPlatform('--set', 'backends.kafka.mode=external,backends.nats.mode=external')
    await expect(failure).rejects.toThrow(/kafka\.external\.host[^]*nats\.external\.host/)
  })
})

test('production takes an embedded backend where its values say so', { timeout: deadlineMs }, async () => {
  const allowed = ['consul', 'kafka', 'nats', 'postgres', 'opensearch', 'graphite'].flatMap((backend) => [
    '--set',
    `backends.${backend}.embedded.allowInProduction=true`,
  ])
  expect(await renderPlatform('--set', 'profile=production', ...allowed)).toContain('kind: StatefulSet')
})
