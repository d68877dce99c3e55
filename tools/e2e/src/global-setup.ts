import { isKept, release, space } from './world.ts'

/** The namespace is there from before the first test until after the last, however the run ends. */
export const setup = (): Promise<void> => space.create()

export const teardown = async (): Promise<void> => {
  if (isKept) return
  await space.helm(['uninstall', release, '--wait', '--timeout', '120s', '--ignore-not-found']).catch(() => undefined)
  await space.remove()
}
