import * as z from 'zod'
import type { ChartFacts } from './chart-facts.ts'
import { flag, group, kubernetesList, kubernetesObject, text, texts } from './value-kinds.ts'

const peers = z.array(z.record(z.string(), z.unknown())).min(1)

const edge = z.strictObject({
  name: z.string().regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/),
  to: peers,
  ports: z.array(z.record(z.string(), z.unknown())).min(1),
})

const clusterDns = {
  namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'kube-system' } },
  podSelector: { matchLabels: { 'k8s-app': 'kube-dns' } },
}

/** Who may reach the pods, and what they may reach. All else is refused. */
export const networkValues = ({ allowFrom }: ChartFacts, canScaleOthers: boolean) =>
  group('NetworkPolicies: nothing in or out but what is listed here', {
    enabled: flag('Make them', true),
    allowFrom: kubernetesList('Peers that may call the app; texts are templates', allowFrom),
    scrapeFrom: kubernetesList('Peers that may read /metrics, such as the pods of Prometheus'),
    dns: kubernetesList('Peers that are the DNS of the cluster', [clusterDns]),
    egress: z
      .array(edge)
      .default([])
      .meta({ description: 'Edges to backends, each a name, `to` (peers) and `ports`; texts are templates' }),
    ...(canScaleOthers ? { apiServer: apiServer() } : {}),
  })

/** Some networks see the port of the Service, 443, others that of the server behind it. */
const apiServer = () =>
  group('The API server, which is reached only where config.scaleAllow names something', {
    to: kubernetesList('Peers that are the API server; texts are templates'),
    ports: z
      .array(z.int().min(1).max(65_535))
      .min(1)
      .default([443, 6_443])
      .meta({ description: 'TCP ports of its Service and of its endpoints' }),
  })

/** What Prometheus and Grafana get. */
export const metricsValues = () =>
  group('Prometheus and Grafana', {
    serviceMonitor: group('A ServiceMonitor of the Prometheus operator', {
      enabled: flag('Make one', false),
      interval: text('Time between two reads', '30s'),
      scrapeTimeout: text('Longest read', '10s'),
      labels: texts('Its labels, by which Prometheus selects it'),
    }),
    prometheusRule: group(
      'A PrometheusRule with alerts for a service that is down, drops events or writes dead letters',
      {
        enabled: flag('Make one', false),
        labels: texts('Its labels, by which Prometheus selects it'),
        rules: kubernetesList('Further rules'),
      },
    ),
    dashboard: group('A ConfigMap with a dashboard, which the sidecar of Grafana finds by its label', {
      enabled: flag('Make one', false),
      labels: texts('Its labels', { grafana_dashboard: '1' }),
      annotations: kubernetesObject('Its annotations'),
    }),
  })
