import type { MessageRun } from '@armature/messaging/message-run'
import type { RetryingPublisher, Unshippable } from './retrying-publisher.ts'

/** Publishes runs as `RetryingPublisher.publish` does: those of one key one after the other, others at once. */
export const publishRuns = async (
  publisher: Pick<RetryingPublisher, 'publish'>,
  runs: readonly MessageRun[],
): Promise<readonly Unshippable[]> => {
  const ofKey = Map.groupBy(runs, ({ key }) => key)
  const refused = [...ofKey.values()].map(async (inOrder) => {
    const ofThese: Unshippable[] = []
    for (const run of inOrder) ofThese.push(...(await publisher.publish(run)))
    return ofThese
  })
  return (await Promise.all(refused)).flat()
}
