import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, expect, test, vi } from 'vitest'
import { groupMembers } from './process-group.ts'
import { startProgram } from './program.ts'

const sleepers: ChildProcess[] = []
const sleeper = async (): Promise<number> => {
  const child = spawn('/bin/sleep', ['61'], { detached: true, stdio: 'ignore' })
  sleepers.push(child)
  await once(child, 'spawn')
  return child.pid ?? -1
}
afterEach(() => {
  for (const child of sleepers.splice(0)) child.kill('SIGKILL')
})

test('what is watched ends with this process, what is released does not', async () => {
  const [first, second, third, released] = [await sleeper(), await sleeper(), await sleeper(), await sleeper()]
  const script = `import { releaseGroup, watchGroup } from '${import.meta.dirname}/guard.ts'
    for (const group of [${[first, released, second, third].join(', ')}]) watchGroup(group)
    releaseGroup(${released})
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), 50)`
  await startProgram(process.execPath, ['--input-type=module', '-e', script]).ended()
  await vi.waitFor(() => expect([first, second, third].flatMap(groupMembers)).toEqual([]))
  expect(groupMembers(released)).toHaveLength(1)
})
