import { readFileSync } from 'node:fs'

/** The fields of /etc/os-release (os-release(5)); empty where there is none. */
export const readOsRelease = (): Record<string, string> => {
  try {
    return parseOsRelease(readFileSync('/etc/os-release', 'utf8'))
  } catch {
    return {}
  }
}

export const parseOsRelease = (text: string): Record<string, string> =>
  Object.fromEntries(
    [...text.matchAll(/^(\w+)=(.*)$/gm)].map(([, name = '', value = '']) => [
      name,
      value.replace(/^(["'])(.*)\1$/, '$2'),
    ]),
  )
