import { type Broker, concrete, type Connection, type ServiceSpec } from './spec.ts'

const urlOf: Readonly<Record<Broker, string>> = {
  kafka: "await serverUrl('kafka')",
  nats: "(await serverUrl('nats')).replace(/^nats:/, 'jetstream:')",
  rabbitmq: "await serverUrl('rabbitmq')",
  redis: "(await serverUrl('redis')).replace(/^redis:/, 'redis-streams:')",
}

const variableOf = ({ setting, broker }: Connection): string =>
  setting === 'messagingUrl' ? 'MESSAGING_URL' : `${broker.toUpperCase()}_URL`

/** The test of the process on real servers. */
export const serverTest = (spec: ServiceSpec): string => {
  const { name, connections, consumes, store, api, snake } = spec
  const servers = [...connections.map(({ broker }) => broker), ...(store === 'postgres' ? ['postgres'] : [])]
  const skip = servers.map((server) => `skipped('${server}')`).join(' || ')
  const variables = connections.map((each) => `${variableOf(each)}: ${urlOf[each.broker]}`)
  const usesBroker = consumes.length > 0
  const consuming = connections.filter((each) => each.consumes.length > 0)
  return `import { fileURLToPath } from 'node:url'
${store === 'postgres' ? "import { ownDatabase } from '@armature/database/testing-own-database'\n" : ''}${
    usesBroker
      ? "import { jsonMessage } from '@armature/messaging/message'\nimport { openDriver } from '@armature/messaging-drivers/open'\n"
      : ''
  }import { serverDeadlineMs${servers.length > 0 ? ', serverUrl, skipped' : ''}, uniqueName } from '@armature/servers/fixture'
import { startProgram } from '@armature/servers/program'
import { ${servers.length > 0 ? 'describe, ' : ''}expect, onTestFinished, test } from 'vitest'
${api === 'grpc' ? "import { openCalls } from './grpc-calls.ts'\n" : ''}
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))
const entriesOf = (metrics: string): number =>
  Number(/^${snake}_entries_total\\{[^}]*outcome="new"[^}]*\\} (\\d+)/m.exec(metrics)?.[1] ?? 0)

/** The service as a process of its own, with a group and a database that only this test uses. */
const start = async () => {
  const own = uniqueName('${name}')
${store === 'postgres' ? "  const { url, database, drop } = await ownDatabase(await serverUrl('postgres'), own)\n  onTestFinished(drop)\n" : ''}  const servers = {${store === 'postgres' ? ' DATABASE_URL: url,' : ''} ${variables.join(', ')} }
  const env = { ...process.env, ...servers, STATSD_PORT: '0'${usesBroker ? `, ${snake.toUpperCase()}_GROUP: own` : ''} }
  const program = startProgram(process.execPath, [main], { env })
  onTestFinished(() => program.kill())
  const [, admin] = await program.until(/admin +(http:\\S+)/, serverDeadlineMs)
  const metrics = async () => (await fetch(\`\${admin}/metrics\`)).text()
  return { own, program, metrics, servers${store === 'postgres' ? ', database' : ''} }
}

${servers.length > 0 ? `describe.skipIf(${skip})('on real servers', { timeout: serverDeadlineMs }, () => {\n` : ''}test('entries are kept, and a drain ends the process with 0', ${servers.length > 0 ? '' : '{ timeout: serverDeadlineMs }, '}async () => {
  const { own, program, metrics${usesBroker ? ', servers' : ''}${store === 'postgres' ? ', database' : ''} } = await start()
${consuming
  .flatMap((each) =>
    each.consumes.map(
      (topic, index) => `  const ${each.broker}${index} = await openDriver(servers.${variableOf(each)})
  onTestFinished(() => ${each.broker}${index}.close())
  await ${each.broker}${index}.publish('${concrete(topic)}', [jsonMessage('${concrete(topic)}', { id: \`\${own}-${each.broker}${index}\` })])
`,
    ),
  )
  .join(
    '',
  )}${apiCall[api]}  await expect.poll(async () => entriesOf(await metrics()), { timeout: 30_000 }).toBeGreaterThanOrEqual(${consumes.length + (api === 'none' ? 0 : 1)})
${
  store === 'postgres'
    ? `  const sql = 'select id from ${snake}_entry where id like $1'
  await expect
    .poll(async () => (await database.query(sql, [\`\${own}-%\`])).count, { timeout: 30_000 })
    .toBe(${consumes.length + (api === 'none' ? 0 : 1)})
`
    : ''
}  program.signal('SIGTERM')
  expect(await program.ended()).toEqual({ code: 0, signal: null })
})
${servers.length > 0 ? '})\n' : ''}`
}

const apiCall = {
  none: '',
  grpc: `  const [, address = ''] = await program.until(/gRPC +(\\S+)/)
  const { put, get } = openCalls(address)
  expect(await put({ id: \`\${own}-call\` })).toBe(true)
  expect(await get(\`\${own}-call\`)).toEqual({ id: \`\${own}-call\` })
`,
  http: `  const [, address = ''] = await program.until(/API +(\\S+)/)
  const body = JSON.stringify({ id: \`\${own}-call\` })
  expect((await fetch(\`\${address}/entries/\${own}-call\`, { method: 'PUT', body })).status).toBe(201)
  expect(await (await fetch(\`\${address}/entries/\${own}-call\`)).text()).toBe(\`\${body}\\n\`)
`,
} as const
