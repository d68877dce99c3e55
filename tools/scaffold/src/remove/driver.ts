import type { Tree } from '@nx/devkit'
import { driverFolder, driverRecord, unregisterDriver } from '../driver/registration.ts'
import type { Outcome } from '../generator.ts'
import { unlockWorkspace } from '../lock-file.ts'
import { dependenciesOf, type Project } from '../projects.ts'
import { removeReference } from '../references.ts'
import { Refusal } from '../refusal.ts'

/** The driver that a name such as `messaging-mqtt` stands for. */
export const driverCalled = (name: string, all: readonly Project[]): Project | undefined => {
  const [, protocol] = /^messaging-(?!kit$|drivers$|commands$)(.+)$/.exec(name) ?? []
  return protocol === undefined ? undefined : all.find(({ folder }) => folder === driverFolder(protocol))
}

/** Takes the library of a driver out, and its entry wherever drivers are listed. */
export const removeDriver = (tree: Tree, { folder, manifest }: Project, all: readonly Project[]): Outcome => {
  if (!tree.exists(driverRecord(folder)))
    throw new Refusal(
      `No generator made ${folder}, so what else depends on it is not known`,
      `Take it out by hand: git grep -n '${manifest.name.split('/')[1]}' has the places`,
    )
  const users = all.filter(
    (other) => other.folder !== 'libs/messaging-drivers' && dependenciesOf(other.manifest).includes(manifest.name),
  )
  if (users.length > 0)
    throw new Refusal(
      `${users.map((each) => each.folder).join(', ')} cannot do without ${folder}`,
      'Take it out of their package.json and their sources first',
    )
  tree.delete(folder)
  unlockWorkspace(tree, folder, manifest.name)
  removeReference(tree, folder)
  unregisterDriver(tree, folder.slice(driverFolder('').length))
  return {
    links: { [`node_modules/${manifest.name}`]: undefined },
    notes: [`Texts may name it still: git grep -n '${folder.split('/')[1]}'.`],
  }
}
