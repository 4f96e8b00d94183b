/**
 * A path of this server as `Location` has it: behind a proxy that puts a path in front, that of ONQUEUE_PUBLIC_URL comes
 * first, for a `Location` without a host is relative to the server that the caller knows.
 */
export type Locate = (path: string) => string

export const createLocate = (publicUrl: string): Locate => {
  const base = new URL(publicUrl).pathname.replace(/\/$/, '')
  return (path) => base + path
}
