/** An arrow that a setting stands for, beside those over topics. */
export interface Wire {
  /** The other end: `PostgreSQL`. */
  readonly end: string
  readonly by: string
  readonly direction: 'in' | 'out'
}

/** The settings by which services meet what is no topic. `noWires` has the others that name a place. */
export const wires: Readonly<Record<string, Wire>> = {
  grpcPort: { end: 'clients', by: 'gRPC', direction: 'in' },
  statsdListenPort: { end: 'every service', by: 'StatsD', direction: 'in' },
  otlpListenPort: { end: 'every service', by: 'OTLP', direction: 'in' },
  apiPort: { end: 'clients', by: 'HTTP', direction: 'in' },
  files: { end: 'every service', by: 'log lines', direction: 'in' },
  databaseUrl: { end: 'PostgreSQL', by: 'SQL', direction: 'out' },
  sinkUrl: { end: 'OpenSearch', by: 'HTTP', direction: 'out' },
  graphiteUrl: { end: 'Graphite', by: 'HTTP', direction: 'out' },
  webhookUrl: { end: 'webhook', by: 'HTTP', direction: 'out' },
  kubernetesServiceHost: { end: 'Kubernetes', by: 'HTTPS', direction: 'out' },
}

/** Settings that name a place, but no arrow of their own: the broker, which topics stand for, and what every service has. */
export const noWires: readonly string[] = [
  ...['messagingUrl', 'consulHttpAddr', 'statsdHost', 'otlpEndpoint', 'ddAgentHost', 'ddDogstatsdUrl'],
  ...[
    'httpHost',
    'httpPort',
    'httpAllowedHosts',
    'grpcHost',
    'statsdListenHost',
    'statsdTcpListenPort',
    'otlpListenHost',
    'apiHost',
    'advertiseHost',
    'statsdPort',
    'ddDogstatsdPort',
    'kubernetesServicePort',
  ],
]
