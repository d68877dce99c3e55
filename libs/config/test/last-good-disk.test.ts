import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DiskImage, diskModel } from '@armature/servers/disk-model'
import { traceDisk } from '@armature/servers/disk-trace'
import { expect, onTestFinished, test } from 'vitest'

const program = join(import.meta.dirname, 'last-good-program.ts')

/** The level that the next start reads; undefined if there is no file, 'broken' if it holds something else. */
const levelIn = (image: DiskImage): string | undefined => {
  const text = [...image].find(([name]) => name.endsWith('.json'))?.[1].toString()
  if (text === undefined) return undefined
  return /^\{"logLevel":"(\w+)"\}$/.exec(text)?.[1] ?? 'broken'
}

test.runIf(process.platform === 'linux')(
  'bug: nothing showed that a kill or a power cut at any call to the disk leaves the old values or the new',
  { timeout: 120_000 },
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'last-good-disk-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const model = diskModel(folder)
    const levels = [undefined, 'debug', 'warn', 'error']
    let written = 0
    for (const event of await traceDisk(process.execPath, [program, folder])) {
      if (event.kind === 'said') written += event.text.split('\n').length - 1
      else model.apply(event)
      const oldOrNew = [levels[written], levels[written + 1]]
      for (const image of [model.afterKill(), model.afterPowerCut('synced'), model.afterPowerCut('all')])
        expect(oldOrNew).toContain(levelIn(image))
    }
    expect(written).toBe(3)
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600)
  },
)
