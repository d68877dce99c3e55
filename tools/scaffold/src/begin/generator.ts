import type { Tree } from '@nx/devkit'
import { generator, type Outcome } from '../generator.ts'
import { removeServices } from '../remove/removal.ts'
import { renameWorkspace } from '../rename/renaming.ts'
import { writeTables } from '../tables.ts'
import { keepBrokers } from './brokers.ts'
import { type Answers, choicesOf, exampleServices } from './choices.ts'

/** The options of `begin`. */
export interface BeginOptions extends Answers {
  readonly force?: boolean
}

/** Makes a fresh copy of the template one's own: takes out the example services that do not stay, and gives it its name. */
export const begin = generator<BeginOptions>(
  async (tree, options) => {
    const { name, scope, services, brokers } = choicesOf(options)
    const gone = exampleServices.filter((each) => !services.includes(each) && tree.exists(`apps/${each}`))
    const removal: Outcome = gone.length === 0 ? {} : removeServices(tree, gone, true)
    keepBrokers(tree, brokers)
    if (!tree.exists('apps/all-in-one')) startServices(tree, services)
    if (tree.listChanges().length > 0) await writeTables(tree)
    const renaming = renameWorkspace(tree, scope, name)
    return {
      links: { ...removal.links, ...renaming.links },
      notes: [...(removal.notes ?? []).filter((note) => !note.startsWith('npm run start')), ...(renaming.notes ?? [])],
    }
  },
  { committed: true },
)

/** `npm start` runs the services that are left, since the app that is made of all five is gone. */
const startServices = (tree: Tree, services: readonly string[]): void => {
  const start =
    services.length === 1
      ? `exec node apps/${services[0]}/src/main.ts`
      : `exec nx run-many --targets=serve --projects=${services.join()} --parallel=${services.length}`
  const manifest = tree.read('package.json', 'utf8') ?? ''
  tree.write('package.json', manifest.replace(/("start": ").*(",?\n)/, `$1${start}$2`))
}
