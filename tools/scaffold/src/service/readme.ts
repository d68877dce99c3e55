import { grpcService } from './api-files.ts'
import type { Place, ServiceSpec } from './spec.ts'

const settingsPage = '../../libs/config/SETTINGS.md'

/** The README of a service. The table of settings is filled in by its schema. */
export const readme = (spec: ServiceSpec): string => `# ${spec.name}

${spec.description}.

    npx nx serve ${spec.name}
    npx nx test ${spec.name}
    npx nx run ${spec.name}:image
    helm upgrade platform helm/platform --reset-then-reuse-values --set ${spec.name}.enabled=true

${paragraphs(spec).join('\n\n')}

| file                                    | what it holds                                      |
| --------------------------------------- | -------------------------------------------------- |
${fileRows(spec).join('\n')}

## Settings

The settings of [every service](${settingsPage}#every-service), ${groups(spec)}, and:

| Setting |
| --- |
`

const paragraphs = (spec: ServiceSpec): string[] => {
  const { api, consumes, publishes, store, snake } = spec
  const kept =
    store === 'postgres' ? `the table \`${snake}_entry\` of a PostgreSQL database` : 'memory, the latest 10,000'
  return [
    `An entry is a JSON object with an \`id\`. Each is kept once, in ${kept}. It may come again, which changes nothing. Another entry with the same id is refused.`,
    ...(consumes.length > 0
      ? [
          `Entries come from ${list(consumes)}. A message is acknowledged once its entry is kept. One that is no entry, or conflicts with one, goes to the dead letters.`,
        ]
      : []),
    ...(api === 'grpc'
      ? [
          `The API is \`${grpcService(spec)}\`: \`PutEntry\` and \`GetEntry\`. \`npm run proto -w apps/${spec.name}\` compiles the proto.`,
        ]
      : []),
    ...(api === 'http' ? ['The API is `PUT /entries/ID` and `GET /entries/ID`, on a port of its own.'] : []),
    ...(publishes.length > 0
      ? [`An entry that is kept is published to ${list(publishes)}, at least once, before it is acknowledged.`]
      : []),
  ]
}

const list = (places: readonly Place[]): string =>
  places.map(({ broker, topic }) => `\`${topic}\` (${broker})`).join(', ')

const fileRows = (spec: ServiceSpec): string[] => [
  row('entry', 'the schema of what comes in'),
  ...(spec.connections.length > 0 ? [row('events', 'the topics that it takes from and publishes to')] : []),
  row('accept', 'what is done with an entry, whichever way it came'),
  row('store', 'where entries are kept'),
  ...(spec.consumes.length > 0 ? [row('handlers', 'what is done with a message')] : []),
  ...(spec.api === 'grpc' ? [row('methods', 'the methods of the API'), row('api', 'its contract')] : []),
  ...(spec.api === 'http' ? [row('routes', 'the paths of the API')] : []),
  row('service', 'how the parts are put together'),
]

const row = (file: string, what: string): string => `| [${file}](src/${file}.ts) | ${what} |`

const groups = ({ connections, store }: ServiceSpec): string => {
  const links = [
    ...(connections.length > 0 ? [`[a broker](${settingsPage}#broker)`] : []),
    ...(store === 'postgres' ? [`[a database](${settingsPage}#database)`] : []),
    `[Consul](${settingsPage}#consul)`,
    `[settings in KV](${settingsPage}#settings-in-kv)`,
  ]
  return `those for ${links.join(', ')} and [registration](${settingsPage}#registration)`
}
