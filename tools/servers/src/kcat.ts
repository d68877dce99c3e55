import { aptInstall } from './apt.ts'
import { type Environment, onPath } from './execute.ts'

const remedy = 'install kcat and put it on PATH'

/** The path of kcat, the client of Kafka: PATH's or Debian's package, which only root can install. */
export const kcat = async (env: Environment = process.env): Promise<string> => {
  const find = () => onPath(['kcat', 'kafkacat'], env)
  const found = await find()
  if (found !== undefined) return found
  await aptInstall('kcat', remedy, env)
  const installed = await find()
  if (installed === undefined) throw new Error(`kcat was installed, but PATH does not have it: add /usr/bin to PATH`)
  return installed
}
