import { BlockList, isIP, isIPv6 } from 'node:net'

/** The networks that are no part of the public Internet: those of RFC 6890 and its updates, and multicast. */
const privateNetworks = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/3',
  '2001::/23',
  '2001:db8::/32',
  '2002::/16',
  '3fff::/20',
]

/** Only these addresses of IPv6 are given to hosts of the public Internet. */
const publicIpv6 = '2000::/3'

/** Whether requests may go to an address. False for what is no address. */
export type AllowsAddress = (address: string) => boolean

/**
 * Allows the addresses of the public Internet, and those of `networks`, in CIDR notation: `10.0.0.0/8`, `fd00::/8`, `127.0.0.1`. An address of
 * IPv4 within IPv6 (`::ffff:10.0.0.1`) counts as that of IPv4. Throws TypeError for what is no network.
 */
export const createAllowsAddress = (networks: readonly string[] = []): AllowsAddress => {
  const allowed = listOf(networks)
  return (address) => {
    const plain = withoutMapping(address)
    if (isIP(plain) === 0) return false
    if (holds(allowed, plain)) return true
    return !holds(refused, plain) && (!isIPv6(plain) || holds(globalUnicast, plain))
  }
}

/** Throws TypeError for a text that is no network in CIDR notation. */
export const checkNetwork = (network: string): void => void listOf([network])

const listOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits, ...more] = network.split('/')
    const family = isIPv6(address) ? 'ipv6' : 'ipv4'
    const widest = family === 'ipv6' ? 128 : 32
    const width = bits === undefined ? widest : /^\d{1,3}$/.test(bits) ? Number(bits) : NaN
    if (isIP(address) === 0 || more.length > 0 || !(width <= widest)) {
      throw new TypeError(`${JSON.stringify(network)} is no network: write it as 10.0.0.0/8 or fd00::/8`)
    }
    list.addSubnet(address, width, family)
  }
  return list
}

const holds = (list: BlockList, address: string): boolean => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4')

const refused = listOf(privateNetworks)
const globalUnicast = listOf([publicIpv6])

/** `::ffff:7f00:1` and `::ffff:127.0.0.1` are 127.0.0.1. A zone (`fe80::1%eth0`) is left out. */
const withoutMapping = (address: string): string => {
  const [plain = ''] = address.split('%')
  if (!isIPv6(plain)) return plain
  const { hostname } = new URL(`http://[${plain}]`)
  const mapped = /^\[::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})\]$/.exec(hostname)
  if (mapped === null) return plain
  const bytes = [mapped[1], mapped[2]].flatMap((part = '') => {
    const value = Number.parseInt(part, 16)
    return [value >> 8, value & 0xff]
  })
  return bytes.join('.')
}
