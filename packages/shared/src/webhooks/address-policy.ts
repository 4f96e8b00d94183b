import ipaddr from 'ipaddr.js'
import { isWithin, parseAddress, parseNetwork, unmap } from '../addresses/networks.ts'
import type { Address } from '../addresses/networks.ts'

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

const isGlobalUnicast = (address: Address) =>
  address.range() === 'unicast' &&
  !cloudInternal.some((network) => isWithin(address, network)) &&
  (address instanceof ipaddr.IPv4 || (isWithin(address, givenOutIpv6) && !isIsatap(address)))

const givenOutIpv6 = parseNetwork('2000::/3')

/** Azure's WireServer, which hands out a machine's configuration and certificates. */
const cloudInternal = [parseNetwork('168.63.129.16')]

/** Its interface identifier is 0:5efe or 200:5efe, then an IPv4 address. */
const isIsatap = ({ parts }: ipaddr.IPv6) => (parts[4] === 0 || parts[4] === 0x200) && parts[5] === 0x5efe
