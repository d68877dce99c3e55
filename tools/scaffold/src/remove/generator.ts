import { generator } from '../generator.ts'
import { checkName } from '../names.ts'
import { projects } from '../projects.ts'
import { writeTables } from '../tables.ts'
import { driverCalled, removeDriver } from './driver.ts'
import { removeServices } from './removal.ts'

/** The options of `remove`. */
export interface RemoveOptions {
  readonly name: string
  /** Removes what uses the service, too. */
  readonly withDependents?: boolean
  readonly force?: boolean
}

/** Takes a service out again, or a driver by the name of its library. */
export const remove = generator<RemoveOptions>(
  async (tree, { name, withDependents = false }) => {
    checkName(name)
    const all = projects(tree)
    const driver = driverCalled(name, all)
    if (driver !== undefined) return removeDriver(tree, driver, all)
    const outcome = removeServices(tree, [name], withDependents)
    await writeTables(tree)
    return outcome
  },
  { committed: true },
)
