import { aptProgram } from './apt.ts'
import type { Environment } from './execute.ts'

/** The path of kcat, the client of Kafka: PATH's or Debian's package, which only root can install. */
export const kcat = (env: Environment = process.env): Promise<string> =>
  aptProgram(['kcat', 'kafkacat'], 'kcat', 'install kcat and put it on PATH', env)
