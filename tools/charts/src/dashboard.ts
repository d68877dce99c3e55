import type { ChartFacts } from './chart-facts.ts'

type Panel = ChartFacts['panels'][number]

/** What every app shows: its books, its memory, its event loop. */
const common: readonly Panel[] = [
  {
    title: 'Received and acknowledged a second',
    query: 'sum by (stage) (rate(ledger_received_total{$pods}[$__rate_interval]))',
    unit: 'ops',
    legend: '{{stage}}',
  },
  { title: 'In flight', query: 'sum by (stage) (ledger_in_flight{$pods})', unit: 'short', legend: '{{stage}}' },
  {
    title: 'Dropped a second',
    query: 'sum by (stage, reason) (rate(ledger_dropped_total{$pods}[$__rate_interval]))',
    unit: 'ops',
    legend: '{{stage}} {{reason}}',
  },
  {
    title: 'Dead letters a second',
    query: 'sum by (topic, reason) (rate(dead_letters_total{$pods}[$__rate_interval]))',
    unit: 'ops',
    legend: '{{topic}} {{reason}}',
  },
  {
    title: 'Delay of the event loop',
    query: 'max by (pod, quantile) (event_loop_delay_seconds{$pods})',
    unit: 's',
    legend: '{{pod}} {{quantile}}',
  },
]

const columns = 2
const width = 24 / columns
const height = 8

/** A dashboard of Grafana: variables for data source, namespace and Service, and a panel for each query. */
export const dashboard = ({ name, panels }: Pick<ChartFacts, 'name' | 'panels'>) => ({
  title: `Armature ${name}`,
  uid: `armature-${name}`,
  tags: ['armature'],
  schemaVersion: 39,
  time: { from: 'now-1h', to: 'now' },
  refresh: '30s',
  templating: {
    list: [
      { name: 'datasource', type: 'datasource', query: 'prometheus' },
      variable('namespace', 'label_values(ledger_in_flight, namespace)'),
      variable('service', `label_values(ledger_in_flight{namespace="$namespace"}, service)`, `/${name}$/`),
    ],
  },
  panels: [...panels, ...common].map((panel, index) => ({
    id: index + 1,
    type: 'timeseries',
    title: panel.title,
    datasource: { type: 'prometheus', uid: '${datasource}' },
    gridPos: { x: (index % columns) * width, y: Math.floor(index / columns) * height, w: width, h: height },
    fieldConfig: { defaults: { unit: panel.unit, min: 0 }, overrides: [] },
    targets: [{ refId: 'A', expr: panel.query.replaceAll('$pods', pods), legendFormat: panel.legend }],
  })),
})

const pods = 'namespace="$namespace",service="$service"'

const variable = (name: string, query: string, regex = '') => ({
  name,
  type: 'query',
  datasource: { type: 'prometheus', uid: '${datasource}' },
  query: { query, refId: name },
  regex,
  refresh: 2,
})
