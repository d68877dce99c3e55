import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A webhook posts to no private address that a name has, whenever it has it',
    file: 'libs/webhook/src/guarded-agent.ts',
    find: 'addresses.filter(({ address }) => allows(address))',
    replace: 'addresses',
    tests: ['libs/webhook/test/private-addresses.test.ts'],
  },
  {
    promise: 'A webhook posts to no private address that stands in its URL',
    file: 'libs/webhook/src/guarded-agent.ts',
    find: 'isIP(options.hostname) === 0 || allows(options.hostname)',
    replace: 'options.hostname !== undefined',
    tests: ['libs/webhook/test/private-addresses.test.ts'],
  },
  {
    promise: 'A webhook posts to no address of IPv6 that is not given to public hosts',
    file: 'libs/webhook/src/private-address.ts',
    find: ' && (!isIPv6(plain) || holds(globalUnicast, plain))',
    replace: '',
    tests: ['libs/webhook/src/private-address.test.ts'],
  },
  {
    promise: 'A redirect of a webhook leads to no other origin',
    file: 'libs/webhook/src/webhook.ts',
    find: 'next === null || next.origin !== first.origin',
    replace: 'next === null',
    tests: ['libs/webhook/test/webhook.test.ts'],
  },
  {
    promise: 'A webhook that was taken is not posted again because the rest of the answer is cut off',
    file: 'libs/webhook/src/webhook.ts',
    find: 'await readSome(answer.body).catch(() => undefined)',
    replace: 'await readSome(answer.body)',
    tests: ['libs/webhook/test/webhook.test.ts'],
  },
]
