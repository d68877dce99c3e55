import { manifestOf } from './packages.ts'
import { projectsOf, type Tree, type Violation } from './tree.ts'

/** From one project to another, by their folders. */
export type Arrow = { readonly from: string; readonly to: string }

/** An app with this tag is made of other apps. */
export const composes = 'composes:apps'

/** Whether a project may use another: the arrows of ARCHITECTURE.md. `composers` are the apps that are made of other apps. */
export const allowed = ({ from, to }: Arrow, composers: readonly string[] = []): boolean => {
  if (to === 'tools/servers') return true
  if (from === 'libs/messaging-drivers' && driverLibraries.test(to)) return true
  if (from.startsWith('libs/')) return libraryUses(from).includes(to)
  if (composers.includes(from)) return to.startsWith('libs/') || to.startsWith('apps/')
  if (from.startsWith('apps/') || from.startsWith('examples/')) return to.startsWith('libs/')
  if (from === 'tools/servers') return false
  if (from === 'tools/search' && to === 'apps/search-service') return true
  return to.startsWith('libs/') || to.startsWith('tools/')
}

const ground = ['libs/async', 'libs/durable-files', 'libs/config', 'libs/telemetry']
const forDrivers = [...ground, 'libs/messaging', 'libs/messaging-kit']
const driverLibraries = /^libs\/messaging-(?!kit$|drivers$|commands$)/

/** Drivers for its tests only. */
const forCommands = [
  'libs/async',
  'libs/config',
  'libs/messaging',
  'libs/service',
  'libs/messaging-drivers',
  'libs/messaging-memory',
]

/** The projects that a library may use. */
const libraryUses = (from: string): readonly string[] => {
  if (from === 'libs/async' || from === 'libs/durable-files') return []
  if (from === 'libs/config' || from === 'libs/event-bus') return ['libs/async']
  if (from === 'libs/telemetry') return ['libs/async', 'libs/config']
  if (from === 'libs/messaging-kit') return [...ground, 'libs/messaging']
  if (from === 'libs/consumer') return [...ground, 'libs/messaging', 'libs/service', 'libs/messaging-memory']
  if (from === 'libs/messaging-commands') return forCommands
  if (from === 'libs/outbox') return [...ground, 'libs/messaging', 'libs/database']
  if (from === 'libs/search-api') return ['libs/service']
  if (driverLibraries.test(from)) return forDrivers
  if (from === 'libs/messaging-drivers') return forDrivers
  return ground
}

/** The arrows that `nx graph` shows are those that ARCHITECTURE.md allows. What is for tests only is a devDependency. */
export const arrows =
  (load: () => Promise<readonly Arrow[]>) =>
  async (tree: Tree): Promise<Violation[]> => {
    const composers = projectsOf(tree, 'apps').filter((app) => manifestOf(tree, app).nx?.tags?.includes(composes))
    return (await load()).flatMap((arrow) => {
      const path = `${arrow.from}/package.json`
      if (!allowed(arrow, composers))
        return [{ path, problem: `uses ${arrow.to}, against the arrows of ARCHITECTURE.md` }]
      const { dependencies = {} } = JSON.parse(tree.text(path) ?? '{}') as { dependencies?: Record<string, string> }
      return arrow.to === 'tools/servers' && !arrow.from.startsWith('tools/') && '@armature/servers' in dependencies
        ? [{ path, problem: '@armature/servers is for tests: make it a devDependency' }]
        : []
    })
  }
