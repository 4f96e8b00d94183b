import { expect, test } from 'vitest'
import { isRegistryAway } from './is-registry-away.ts'

/** As pip 23 to 26 print it. */
const retrying = `WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPConnection object at 0x7f>: Failed to establish a new connection: [Errno 111] Connection refused')': /simple/numpy/`
const noVersion = `ERROR: Could not find a version that satisfies the requirement numpy==99.9 (from versions: none)
ERROR: No matching distribution found for numpy==99.9`
const otherVersions = `ERROR: Could not find a version that satisfies the requirement numpy==99.9 (from versions: 1.3.0, 2.4.6)
ERROR: No matching distribution found for numpy==99.9`

test.each([
  ['no connection came about', `${retrying}\n${noVersion}`, true],
  [
    'a download broke off',
    "pip._vendor.urllib3.exceptions.ReadTimeoutError: HTTPSConnectionPool(host='files', port=443): Read timed out.",
    true,
  ],
  ['the package is not there', noVersion, false],
  ['the version is not there', otherVersions, false],
  ['the version is not there, and one connection of several failed', `${retrying}\n${otherVersions}`, false],
  ['a package can not be built', 'ERROR: Failed building wheel for numpy', false],
  ['nothing was said', '', false],
])('where %s the registry is away: %s', (_, printed, isAway) => {
  expect(isRegistryAway(printed)).toBe(isAway)
})
