import { expect, test } from 'vitest'
import { adviseInstall } from './install-advice.ts'

test.each([
  [{ platform: 'linux', osRelease: { ID: 'debian' } }, 'sudo apt-get install redis-server'],
  [
    { platform: 'linux', osRelease: { ID: 'linuxmint', ID_LIKE: 'ubuntu debian' } },
    'sudo apt-get install redis-server',
  ],
  [{ platform: 'linux', osRelease: { ID: 'fedora' } }, 'sudo dnf install valkey'],
  [
    { platform: 'linux', osRelease: { ID: 'rocky', ID_LIKE: 'rhel centos fedora' } },
    'sudo dnf install valkey',
  ],
  [{ platform: 'darwin', osRelease: {} }, 'brew install redis'],
  [{ platform: 'linux', osRelease: { ID: 'arch' } }, "with your system's package manager"],
] as const)('%j is told what to type', (system, words) => {
  expect(adviseInstall(system)).toContain(words)
})
