import { below, projectsOf, type Tree, type Violation } from './tree.ts'

/** The files that every driver library has. */
export const driverParts = [
  'driver',
  'settings',
  'connection',
  'publisher',
  'subscription',
  'codec',
  'faults',
  'browser',
] as const

/** Libraries beside the drivers: what drivers share, the list of them, and commands over any of them. */
const noDrivers = new Set(['libs/messaging-kit', 'libs/messaging-drivers', 'libs/messaging-commands'])

/** Files that a protocol does not need, each with the reason. */
export const unneededParts: Readonly<Record<string, string>> = {
  'libs/messaging-memory/src/codec.ts': 'messages stay objects within the process',
  'libs/messaging-memory/src/faults.ts': 'there is no server whose errors could be told apart',
  'libs/messaging-nats/src/browser.ts': 'core NATS keeps no message',
  'libs/messaging-redis/src/browser.ts': 'channels of Redis keep no message',
}

/** Files whose content still lies in the driver's other files. */
export const partsToCome: Readonly<Record<string, string>> = {}

/**
 * Each driver library has the same files. A library of a second driver has that driver's own with a prefix, such as
 * `jetstream-driver.ts`, and may share the others with the first.
 */
export const driverFiles =
  (unneeded: Readonly<Record<string, string>>) =>
  (tree: Tree): Violation[] => [
    ...driversOf(tree).flatMap((project) => {
      const names = below(tree, `${project}/src`).map(({ path }) => path.slice(`${project}/src/`.length))
      const prefixes = names.flatMap((name) => /^(.*-)driver\.ts$/.exec(name)?.[1] ?? [])
      const has = (name: string) => names.includes(name) || `${project}/src/${name}` in unneeded
      return ['', ...prefixes].flatMap((prefix) =>
        driverParts
          .filter((part) => !has(`${prefix}${part}.ts`) && !names.includes(`${part}.ts`))
          .map((part) => ({
            path: `${project}/src/${prefix}${part}.ts`,
            problem: 'is missing: every driver has one, or tools/tidy/src/drivers.ts says why its protocol needs none',
          })),
      )
    }),
    ...Object.keys(unneeded)
      .filter((path) => tree.text(path) !== undefined)
      .map((path) => ({ path, problem: 'is there: take it off the list of tools/tidy/src/drivers.ts' })),
  ]

const driversOf = (tree: Tree): string[] =>
  projectsOf(tree, 'libs').filter((project) => /^libs\/messaging-/.test(project) && !noDrivers.has(project))
