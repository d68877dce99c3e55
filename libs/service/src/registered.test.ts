import { expect, test } from 'vitest'
import { registered } from './registered.ts'
import type { Service } from './service.ts'

const world = () => {
  const steps: string[] = []
  const step = (name: string) => async () => void steps.push(name)
  const service: Service = {
    name: 'demo',
    start: step('start'),
    deregister: step('own deregister'),
    stopIntake: step('stop intake'),
    close: step('close'),
    ledger: () => [],
    get waitsFor(): string {
      throw new Error('is known once it has started')
    },
  }
  const register = async () => {
    steps.push('register')
    return { deregister: step('deregister') }
  }
  return { steps, service, register }
}

test('a service is announced once it has started, and until the first step of its drain', async () => {
  const { steps, service, register } = world()
  const told = registered(service, register)
  await told.start()
  await told.deregister?.()
  await told.stopIntake?.()
  expect(steps).toEqual(['start', 'register', 'deregister', 'own deregister', 'stop intake'])
})

test('a service that does not start is not announced', async () => {
  const { steps, service, register } = world()
  const failing: Service = {
    name: 'demo',
    start: () => Promise.reject(new Error('no')),
    close: service.close,
    ledger: () => [],
  }
  const told = registered(failing, register)
  await expect(told.start()).rejects.toThrow('no')
  await told.close()
  expect(steps).toEqual(['close'])
})

test('a close without a drain deregisters too', async () => {
  const { steps, service, register } = world()
  const told = registered(service, register)
  await told.start()
  await told.close()
  expect(steps).toEqual(['start', 'register', 'deregister', 'close'])
})

test('where there is nobody to tell, the service is as it was', async () => {
  const { steps, service } = world()
  const told = registered(service, () => undefined)
  await told.start()
  await told.deregister?.()
  await told.close()
  expect(steps).toEqual(['start', 'own deregister', 'close'])
})
