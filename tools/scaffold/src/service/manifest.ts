import { descriptorPath } from './api-files.ts'
import type { ServiceSpec } from './spec.ts'

const ours = (...names: readonly string[]) => Object.fromEntries(names.map((name) => [`@armature/${name}`, '*']))

const sorted = (entries: Readonly<Record<string, string>>) =>
  Object.fromEntries(Object.entries(entries).sort(([one], [other]) => (one < other ? -1 : 1)))

/** The versions of packages that are not ours, as other projects pin them. */
export type Versions = (name: string) => string

/** package.json of a service, beside its name. */
export const manifestOf = (spec: ServiceSpec, versionOf: Versions) => {
  const { name, api, store, connections, consumes, publishes } = spec
  const usesBroker = connections.length > 0
  const pinned = (...names: readonly string[]) => Object.fromEntries(names.map((each) => [each, versionOf(each)]))
  return {
    bin: { [name]: './src/main.ts' },
    exports: { './*': './src/*.ts' },
    ...(api === 'grpc' && {
      scripts: { proto: `buf build proto --exclude-source-info -o ${descriptorPath(spec)}` },
    }),
    nx: { tags: ['type:app', `app:${name}`], targets: { serve: {}, build: {}, image: {}, contract: {} } },
    dependencies: sorted({
      ...ours('config', 'discovery', 'service', 'telemetry'),
      ...(consumes.length > 0 ? ours('async', 'consumer', 'messaging') : {}),
      ...(publishes.length > 0 ? ours('consumer', 'messaging') : {}),
      ...(usesBroker ? ours('messaging-drivers') : {}),
      ...(store === 'postgres' ? ours('database') : {}),
      ...(api === 'grpc' ? pinned('@grpc/grpc-js') : {}),
      ...pinned('zod'),
    }),
    devDependencies: sorted({
      ...ours('servers'),
      ...(usesBroker ? ours('messaging-memory') : {}),
    }),
  }
}
