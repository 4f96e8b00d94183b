import { readOsRelease } from './os-release.ts'

/** What to type on this system to have a Redis. */
export const adviseInstall = ({ platform = process.platform, osRelease = readOsRelease() } = {}) => {
  const family = `${osRelease.ID ?? ''} ${osRelease.ID_LIKE ?? ''}`
  const elsewhere = 'or start Docker, or set REDIS_URL to a Redis you have'
  if (platform === 'darwin') return `Type "brew install redis", ${elsewhere}.`
  if (/\b(debian|ubuntu)\b/.test(family)) return `Type "sudo apt-get install redis-server", ${elsewhere}.`
  if (/\b(fedora|rhel|centos)\b/.test(family)) return `Type "sudo dnf install valkey", ${elsewhere}.`
  return `Install Redis 7.0 or newer, or Valkey, with your system's package manager, ${elsewhere}.`
}
