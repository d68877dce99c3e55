import { helm } from '@armature/servers/clients'
import { helmUnittest } from '@armature/servers/helm-unittest'

/** Builds the programs before the time of any test begins: the first time takes minutes. */
export const setup = async (): Promise<void> => {
  await Promise.all([helm(), helmUnittest()])
}
