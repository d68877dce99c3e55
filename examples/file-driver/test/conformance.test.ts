import { appendFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { messagingConformance } from '@armature/messaging-kit/conformance'
import { message } from '@armature/messaging/message'
import type { Delivery } from '@armature/messaging/ports'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { fileGuarantees, openFiles } from '../src/driver.ts'
import { maxLineBytes, maxMessageBytes } from '../src/settings.ts'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'file-driver-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

const open = () => openFiles(pathToFileURL(folder).href)
const appendLine = (topic: string, text: string) => appendFile(join(folder, `${topic}.log`), text)

messagingConformance('file (example)', {
  ...fileGuarantees,
  maxMessageBytes,
  open,
  publishRaw: (topic, headers, body) => {
    const line = { storedAtMs: Date.now(), headers, body: Buffer.from(body).toString('base64') }
    return appendLine(topic, `${JSON.stringify(line)}\n`)
  },
})

test('what a killed process began to write hides no message of others', async () => {
  const driver = await open()
  const seen: Delivery[] = []
  await driver.subscribe('torn', async (delivery) => void seen.push(delivery))
  await appendLine('torn', '{"storedAtMs":1')
  await driver.publish('torn', [message('torn', 'whole')])
  await vi.waitFor(() => expect(seen.map(({ body }) => Buffer.from(body).toString())).toContain('whole'))
  await driver.close()
})

test('a line that is longer than any of ours is told, and stops no other topic', async () => {
  const problems: string[] = []
  const driver = await openFiles(pathToFileURL(folder).href, { warn: (problem) => void problems.push(problem) })
  const seen: Delivery[] = []
  await appendLine('odd.long', `${'x'.repeat(maxLineBytes + 1)}\n`)
  await driver.subscribe('odd.*', async (delivery) => void seen.push(delivery), { from: 'earliest' })
  await driver.publish('odd.other', [message('odd.other', 'x')])
  await vi.waitFor(() => {
    expect(problems.join()).toContain('odd.long is longer than')
    expect(seen.map(({ topic }) => topic)).toEqual(['odd.other'])
  })
  await driver.close()
})

test('an address that is no folder is refused', async () => {
  await expect(openFiles('file://host/x')).rejects.toThrow('file:///var/lib/messages')
})
