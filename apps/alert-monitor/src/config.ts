import * as z from 'zod'
import { commonSettings, messagingSettings } from '@armature/config/common'
import { consulSettings, kvSettings, registrationSettings } from '@armature/config/consul'
import { bytes, checkedText, choice, durationMs, host, integer, list, port, text, url } from '@armature/config/settings'
import { checkPattern } from '@armature/messaging/topic-pattern'

export const settings = z.object({
  ...commonSettings,
  ...messagingSettings,
  ...consulSettings,
  ...kvSettings,
  ...registrationSettings,
  statsdListenHost: host().default('127.0.0.1').meta({ description: 'Address to listen on for StatsD lines (UDP)' }),
  statsdListenPort: port()
    .default(0)
    .meta({ description: 'UDP port to listen on for StatsD lines (0 = any free one)' }),
  maxPacketBytes: bytes({ min: 64, max: 65_507 })
    .default(8_192)
    .meta({ description: 'Largest UDP packet that is read; longer ones are dropped and counted' }),
  maxQueuedSamples: integer({ min: 1, max: 1_000_000 })
    .default(50_000)
    .meta({ description: 'Samples from UDP that wait to be evaluated; more are dropped and counted' }),
  maxQueuedSampleBytes: bytes({ min: 65_536, max: 1_073_741_824 })
    .default(16_777_216)
    .meta({ description: 'Bytes of packets whose samples wait to be evaluated; more are dropped and counted' }),
  samplesTopic: checkedText(checkPattern)
    .optional()
    .meta({ description: 'Topic with further samples to evaluate; may hold wildcards' }),
  sampleValuePath: text().optional().meta({
    description:
      'Path to the value in the JSON messages of the samples topic, such as order.amount (none = they are samples)',
  }),
  sampleName: text().optional().meta({ description: 'Metric of values that a path leads to (none = the topic)' }),
  sampleType: choice(['gauge', 'counter', 'timer', 'histogram', 'distribution', 'meter'])
    .default('gauge')
    .meta({ description: 'Type of values that a path leads to' }),
  sampleTagPaths: list(text())
    .default([])
    .meta({ description: 'Paths to the tags of such values; a tag is named by the last part of its path' }),
  statsdTcpListenPort: port()
    .optional()
    .meta({ description: 'TCP port to listen on for StatsD lines, 0 = any free one (none = TCP is not listened on)' }),
  maxStatsdConnections: integer({ min: 1, max: 10_000 })
    .default(256)
    .meta({ description: 'TCP connections for StatsD lines at once; more are closed as they come, and counted' }),
  graphiteUrl: url(['http', 'https'])
    .optional()
    .meta({ description: 'Graphite whose render API is asked for values: http://HOST:PORT', secret: true }),
  graphiteTargets: list(text())
    .default([])
    .meta({ description: 'Targets that Graphite is asked for', commas: false, flag: 'graphite-target' }),
  graphiteType: choice(['gauge', 'counter', 'timer'])
    .default('gauge')
    .meta({ description: 'Type of the values of Graphite' }),
  graphiteEveryMs: durationMs({ min: 100, max: 3_600_000 })
    .default(10_000)
    .meta({ description: 'Interval in which Graphite is asked, in milliseconds' }),
  scrapeUrls: list(url(['http', 'https']))
    .default([])
    .meta({ description: 'Addresses of metrics for Prometheus: http://HOST:PORT/metrics', flag: 'scrape-url' }),
  scrapeEveryMs: durationMs({ min: 100, max: 3_600_000 })
    .default(15_000)
    .meta({ description: 'Interval in which they are read, in milliseconds' }),
  collectTimeoutMs: durationMs({ min: 100, max: 600_000 })
    .default(10_000)
    .meta({ description: 'How long Graphite or a scraped service may take to answer, in milliseconds' }),
  otlpListenHost: host().default('127.0.0.1').meta({ description: 'Address to listen on for metrics of OTLP/HTTP' }),
  otlpListenPort: port().optional().meta({
    description: 'Port to listen on for metrics of OTLP/HTTP, 0 = any free one (none = OTLP is not listened on)',
  }),
  maxAnswerBytes: bytes({ min: 65_536, max: 1_073_741_824 }).default(16_777_216).meta({
    description: 'Longest answer of Graphite or a scraped service, and longest body of OTLP; longer ones are refused',
  }),
  rulesFile: text().optional().meta({
    description: 'YAML or JSON file of rules, followed while it changes (none = the built-in rules)',
    flag: 'rules',
  }),
  rulesPollMs: durationMs({ min: 100, max: 3_600_000 })
    .default(2_000)
    .meta({ description: 'Interval in which the rules file is looked at, in milliseconds; SIGHUP reads it at once' }),
  evaluateEveryMs: durationMs({ min: 100, max: 2_500 })
    .default(1_000)
    .meta({ description: 'Interval in which the rules are evaluated, in milliseconds' }),
  repeatMs: durationMs({ min: 1_000 })
    .default(14_400_000)
    .meta({ description: 'Interval in which the notice of a firing alert is repeated, in milliseconds' }),
  maxSeries: integer({ min: 1, max: 100_000 }).default(1_000).meta({
    description: 'Series watched at once, counted once for each rule; samples of more are dropped and counted',
  }),
  maxSetMembers: integer({ min: 1, max: 10_000_000 }).default(100_000).meta({
    description: 'Different members of sets remembered at once, over all series; more are dropped and counted',
  }),
  maxQuantileBins: integer({ min: 1_000, max: 100_000_000 }).default(1_000_000).meta({
    description:
      'Bins of quantiles (p50, p99) at once, over all series; samples that need more are dropped and counted',
  }),
  seriesIdleMs: durationMs({ min: 60_000 })
    .default(3_600_000)
    .meta({ description: 'Time without a sample after which a series is forgotten, in milliseconds' }),
  maxAlerts: integer({ min: 1, max: 100_000 }).default(1_000).meta({ description: 'Alerts pending or firing at once' }),
  maxQueuedNotices: integer({ min: 1, max: 100_000 })
    .default(1_000)
    .meta({ description: 'Notices that wait for the broker; one that finds no room is offered again later' }),
  alertsConfig: text().optional().meta({
    description: 'YAML file of routes, receivers and inhibition (none = alerts go to their topics alone)',
  }),
  apiHost: host().default('127.0.0.1').meta({ description: "Address of Alertmanager's API" }),
  apiPort: port().optional().meta({
    description: "Port of Alertmanager's API, for amtool and Grafana (none = there is none, 0 = any free one)",
  }),
  alertsStateFile: text().optional().meta({
    description:
      'File of silences, claims and alerts where the broker has no JetStream (none = one in the state folder)',
  }),
  maxSilences: integer({ min: 1, max: 100_000 })
    .default(1_000)
    .meta({ description: 'Silences at once, those that expired in the last day among them' }),
  maxClaims: integer({ min: 1, max: 100_000 }).default(1_000).meta({ description: 'Claims of alerts at once' }),
  publishTimeoutMs: durationMs({ min: 100, max: 600_000 })
    .default(10_000)
    .meta({ description: 'How long one publish may take before it is tried again, in milliseconds' }),
})

export type Config = Readonly<z.infer<typeof settings>>
