import { describe, expect, test } from 'vitest'
import { checkNetwork, createAllowsAddress } from './private-address.ts'

describe('by itself', () => {
  const allows = createAllowsAddress()

  test.each(['1.1.1.1', '9.255.255.255', '11.0.0.0', '172.15.255.255', '172.32.0.0', '192.167.1.1', '223.255.255.255'])(
    '%s is allowed',
    (address) => {
      expect(allows(address)).toBe(true)
      expect(allows(`::ffff:${address}`)).toBe(true)
    },
  )

  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '198.18.0.1',
    '224.0.0.1',
    '240.0.0.1',
    '255.255.255.255',
  ])('%s is refused, also within IPv6', (address) => {
    expect(allows(address)).toBe(false)
    expect(allows(`::ffff:${address}`)).toBe(false)
    expect(allows(`0:0:0:0:0:FFFF:${address}`)).toBe(false)
  })

  test.each(['2606:4700::1111', '2a00:1450::1'])('%s is allowed', (address) => {
    expect(allows(address)).toBe(true)
  })

  test.each([
    '::',
    '::1',
    'fe80::1',
    'fe80::1%lo',
    'fc00::1',
    'fd12:3456::1',
    'ff02::1',
    '64:ff9b::a9fe:a9fe',
    '2002:7f00:1::',
    '2001::1',
    '2001:db8::1',
    '::127.0.0.1',
    '::ffff:7f00:1',
  ])('%s is refused', (address) => {
    expect(allows(address)).toBe(false)
  })

  test.each(['', 'localhost', '127.1', '1.1.1.1 ', '1.1.1.1/32'])('%j, which is no address, is refused', (address) => {
    expect(allows(address)).toBe(false)
  })
})

test('networks that are named are allowed, and no more', () => {
  const allows = createAllowsAddress(['10.1.0.0/16', '127.0.0.1', 'fd00::/8'])
  expect(['10.1.2.3', '127.0.0.1', '::ffff:10.1.2.3', 'fd00::1', '1.1.1.1'].filter(allows)).toHaveLength(5)
  expect(['10.2.0.1', '127.0.0.2', 'fc00::1', '169.254.169.254'].filter(allows)).toEqual([])
})

test.each(['', 'x', '10.0.0.0/33', '10.0.0.0/-1', '10.0.0.0/8/8', '10.0.0/8', 'fd00::/129', 'fd00::/', '10.0.0.0/8 '])(
  '%j is no network',
  (network) => {
    expect(() => checkNetwork(network)).toThrow(/is no network: write it as/)
  },
)
