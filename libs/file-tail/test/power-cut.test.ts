import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { diskModel } from '@armature/servers/disk-model'
import { traceDisk } from '@armature/servers/disk-trace'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'

const program = join(import.meta.dirname, 'checkpoint-program.ts')

let root: string
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'power-cut-'))
})
afterEach(() => rm(root, { recursive: true }))

describe.runIf(process.platform === 'linux')('at each call that reaches the disk', () => {
  test(
    'a kill and a power cut leave the checkpoints that were written, or later ones',
    { timeout: 300_000 },
    async () => {
      const traced = await traceDisk(process.execPath, [program, join(root, 'checkpoints'), '3'])
      const model = diskModel(root, new Map())
      let written = 0
      for (const event of traced) {
        if (event.kind === 'said') written = Number(event.text.match(/\d+/)?.[0])
        else model.apply(event)
        for (const image of [model.afterKill(), model.afterPowerCut('synced'), model.afterPowerCut('all')]) {
          const bytes = image.get('checkpoints')
          if (bytes === undefined) expect(written).toBe(0)
          else {
            const { files } = JSON.parse(Buffer.from(bytes).toString()) as { files: readonly [{ id: string }] }
            expect(Number(files[0].id)).toBeGreaterThanOrEqual(written)
          }
        }
      }
      expect(written).toBe(3)
    },
  )
})
