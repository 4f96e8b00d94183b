import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

/** Which addresses a process may dial for a stranger. Made by `createAddressPolicy`. */
export type AddressPolicy = {
  /** `address` without brackets, as a resolver gives it: `192.0.2.1`, `2001:db8::1`, `fe80::1%eth0` */
  isAllowed(address: string): boolean
  /** whether anything but the public internet may be dialled, so that local names can make sense */
  hasAllowedNetworks: boolean
}

/**
 * Decides where a webhook may go: to global unicast addresses and into `allowedNetworks` (CIDRs or addresses, see
 * `parseNetworks`), nowhere else. Throws an Error, one sentence, for a network that can't be read.
 *
 * What is not global comes from IANA's special-purpose registries (RFC 6890), which `ipaddr.js` knows: loopback,
 * unspecified, link-local (with the metadata services at 169.254.169.254), private, unique-local, carrier-grade NAT,
 * broadcast, multicast, documentation, benchmarking, reserved. Added to it here:
 *
 * - IPv6 outside 2000::/3, the only block that is given out for global unicast (RFC 4291 §2.4, IANA). That also takes
 *   IPv4-compatible ::/96, IPv4-translated ::ffff:0:0:0/96 and NAT64 64:ff9b::/96 and 64:ff9b:1::/48.
 * - ISATAP (RFC 5214 §6.1), which may sit in any prefix.
 * - Addresses that are public by registry but answer only inside a cloud.
 *
 * An IPv4-mapped address (::ffff:0:0/96) is dialled as IPv4 and so judged as IPv4, always: ::/0 doesn't allow it,
 * 0.0.0.0/0 does. The other IPv6 addresses with an IPv4 address inside (6to4, Teredo, NAT64 and so on) reach whatever a
 * gateway makes of them; they are refused whatever is inside, unless an allowed IPv6 network contains them. A NAT64
 * prefix of the operator's own can't be told from other addresses; such a gateway has to filter for itself.
 */
export const createAddressPolicy = ({
  allowedNetworks,
}: {
  allowedNetworks: readonly string[]
}): AddressPolicy => {
  const networks = allowedNetworks.map(parseNetwork)
  return {
    hasAllowedNetworks: networks.length > 0,
    isAllowed: (text) => {
      const parsed = parseAddress(text)
      if (parsed === undefined) return false
      const address = unmap(parsed)
      return networks.some((network) => isWithin(address, network)) || isGlobalUnicast(address)
    },
  }
}

/**
 * The networks of a setting: a comma list of CIDRs and single addresses, `10.0.0.0/8, ::1`. Empty text has none. Bits
 * behind the prefix don't matter. Throws an Error, one sentence, that names the first entry that is neither.
 */
export const parseNetworks = (text: string): string[] => {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '')
  entries.forEach(parseNetwork)
  return entries
}

type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = { address: Address; prefixLength: number }

const parseNetwork = (entry: string): Network => {
  const [text = '', prefix, ...rest] = entry.split('/')
  const address = text.includes('%') ? undefined : parseAddress(text)
  const bits = address?.kind() === 'ipv4' ? 32 : 128
  const prefixLength = prefix === undefined ? bits : Number(prefix)
  const isPrefix = prefix === undefined || (/^\d+$/.test(prefix) && prefixLength <= bits)
  if (address === undefined || !isPrefix || rest.length > 0) {
    throw new Error(
      `${JSON.stringify(entry)} is not a network: write an address, or an address and the length of its prefix, such as 10.0.0.0/8 or fd00::/8`,
    )
  }
  return isMapped(address) && prefixLength >= 96
    ? { address: address.toIPv4Address(), prefixLength: prefixLength - 96 }
    : { address, prefixLength }
}

/**
 * The scope of `fe80::1%eth0` is left out, as it doesn't matter here. What two parsers read differently is how such
 * checks are passed, so ipaddr.js only sees plain spellings: it takes `0177.1` for an address and ::8.8.8.8 for
 * ::ffff:8.8.8.8. `isIP` stops the first, and URL spells IPv6 without dots.
 */
const parseAddress = (text: string): Address | undefined => {
  const version = isIP(text)
  if (version === 4) return ipaddr.IPv4.parse(text)
  const host = version === 6 ? URL.parse(`http://[${text.replace(/%.*$/, '')}]`)?.hostname : undefined
  return host === undefined ? undefined : ipaddr.IPv6.parse(host.slice(1, -1))
}

const unmap = (address: Address) => (isMapped(address) ? address.toIPv4Address() : address)

const isMapped = (address: Address): address is ipaddr.IPv6 =>
  address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()

const isWithin = (address: Address, { address: base, prefixLength }: Network) =>
  address.kind() === base.kind() && address.match(base, prefixLength)

const isGlobalUnicast = (address: Address) =>
  address.range() === 'unicast' &&
  !cloudInternal.some((network) => isWithin(address, network)) &&
  (address instanceof ipaddr.IPv4 || (isWithin(address, givenOutIpv6) && !isIsatap(address)))

const givenOutIpv6 = parseNetwork('2000::/3')

/** Azure's WireServer, which hands out a machine's configuration and certificates. */
const cloudInternal = [parseNetwork('168.63.129.16')]

/** Its interface identifier is 0:5efe or 200:5efe, then an IPv4 address. */
const isIsatap = ({ parts }: ipaddr.IPv6) => (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe
