import { serialAfterLoss } from '@armature/messaging-kit/conformance-serial-after-loss'
import { serverDeadlineMs, serverUrl, skipped } from '@armature/servers/fixture'
import { describe } from 'vitest'
import { openKafka } from '../src/driver.ts'
import { cuttableSockets } from './fixture.ts'

describe.skipIf(skipped('kafka'))('after lost connections', () => {
  serialAfterLoss(
    'kafka',
    async () => {
      const { sockets, cut } = cuttableSockets()
      const driver = await openKafka(await serverUrl('kafka'), { sockets, warn: () => undefined })
      return { driver, breakOff: cut }
    },
    serverDeadlineMs,
  )
})
