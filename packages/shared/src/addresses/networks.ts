import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'

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

/** Whether an address, as a socket has it, is in one of some networks. */
export const createNetworkCheck = (networks: readonly string[]) => {
  const parsed = networks.map(parseNetwork)
  return (text: string) => {
    const address = parsed.length === 0 ? undefined : parseAddress(text)
    return address !== undefined && parsed.some((network) => isWithin(unmap(address), network))
  }
}

/**
 * Whom an address belongs to, as far as an address tells: an IPv4 address itself, of IPv6 the network of 64 bits, which is
 * the least that a subscriber is given. Undefined for what is no address.
 */
export const subscriberOf = (text: string) => {
  const parsed = parseAddress(text)
  if (parsed === undefined) return undefined
  const address = unmap(parsed)
  if (!(address instanceof ipaddr.IPv6)) return address.toString()
  return `${new ipaddr.IPv6([...address.parts.slice(0, 4), 0, 0, 0, 0]).toString()}/64`
}

export type Address = ipaddr.IPv4 | ipaddr.IPv6
type Network = { address: Address; prefixLength: number }

export const parseNetwork = (entry: string): Network => {
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
export const parseAddress = (text: string): Address | undefined => {
  const version = isIP(text)
  if (version === 4) return ipaddr.IPv4.parse(text)
  const host = version === 6 ? URL.parse(`http://[${text.replace(/%.*$/, '')}]`)?.hostname : undefined
  return host === undefined ? undefined : ipaddr.IPv6.parse(host.slice(1, -1))
}

export const unmap = (address: Address) => (isMapped(address) ? address.toIPv4Address() : address)

const isMapped = (address: Address): address is ipaddr.IPv6 =>
  address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()

export const isWithin = (address: Address, { address: base, prefixLength }: Network) =>
  address.kind() === base.kind() && address.match(base, prefixLength)
