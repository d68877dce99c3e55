import { scheme, type StreamsConnection } from './streams-connection.ts'

/** Whether the server keeps its data over a restart and evicts none of it. Warns where it does not, or does not tell. */
export const isDurable = async (connection: StreamsConnection, warn: (problem: string) => void): Promise<boolean> => {
  const problem = await durabilityProblem(connection)
  if (problem === undefined) return true
  warn(`${scheme}: messages may be lost, so the driver does not declare at least once: ${problem}`)
  return false
}

const durabilityProblem = async (connection: StreamsConnection): Promise<string | undefined> => {
  const setting = async (name: string) => (await connection.send<string[]>(['CONFIG', 'GET', name]))[1]
  try {
    if ((await setting('appendonly')) !== 'yes') return 'the server has appendonly no: set it to yes'
    const policy = await setting('maxmemory-policy')
    if (policy?.startsWith('allkeys-') === true && (await setting('maxmemory')) !== '0') {
      return `the server may evict any key (maxmemory-policy ${policy}): set it to noeviction`
    }
    return undefined
  } catch {
    return 'the server does not answer CONFIG GET: if it has appendonly yes, write appendonly=true in the URL'
  }
}
