import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, vi } from 'vitest'
import { hot, openWorld, type World, type WorldOptions } from './world.ts'

/** A monitor that has started. */
export const open = async (config: WorldOptions['config'], rules: readonly unknown[] = [hot]) => {
  const world = await openWorld({ config: { ...config }, rules })
  await world.monitor.start()
  return world
}

/** Where a collector listens. */
export const portOf = (world: World, label: string): number => {
  const found = world.monitor.addresses?.().find((each) => each.label === label && !each.address.startsWith('udp'))
  const [, port] = /:(\d+)(?:\/|$)/.exec(found?.address ?? '') ?? []
  return Number(port)
}

/** The address of an HTTP server that answers so. It is closed with the test. */
export const serve = async (answer: RequestListener): Promise<string> => {
  const server = createServer(answer)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Waits until the books of a stage are so. */
export const counted = (world: World, stage: string, expected: object) =>
  vi.waitFor(() => expect(world.row(stage)).toMatchObject(expected), { timeout: 10_000 })

/** Expects all books to balance. */
export const balanced = (world: World) => expect(world.imbalances().every((each) => each === 0)).toBe(true)
