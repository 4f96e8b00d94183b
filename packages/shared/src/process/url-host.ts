/**
 * An address to listen on as the host of a URL by which this machine reaches it: `::1` is `[::1]`, and who listens on all
 * addresses is found on loopback. So is, for want of better, what can't be in a URL (`fe80::1%eth0`).
 */
export const urlHost = (listenAddress: string) => {
  const host = listenAddress.includes(':') ? `[${listenAddress}]` : listenAddress
  const isEveryAddress = listenAddress === '0.0.0.0' || listenAddress === '::'
  return isEveryAddress || !URL.canParse(`http://${host}`) ? '127.0.0.1' : host
}
