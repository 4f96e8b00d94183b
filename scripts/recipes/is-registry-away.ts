/** What pip says of each connection that failed, with the retries that `pipFlags` ask for, and of a host that it does not trust. */
const noConnection =
  /connection broken by|confirming the ssl certificate|(Connect|Read)Timeout|Max retries exceeded/i
/** A version was asked for that the registry does not have, beside those that it has. */
const hasOthers = /\(from versions: (?!none)/

/**
 * Whether pip failed since it came to no package registry, by what it printed. That a version, or a package, is not there is for
 * who pinned it to mend.
 */
export const isRegistryAway = (printed: string) => noConnection.test(printed) && !hasOthers.test(printed)
