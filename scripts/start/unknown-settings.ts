import { readFileSync } from 'node:fs'
import { nearestName } from '../../packages/shared/src/contract/nearest-names.ts'

/** The names of the settings of the apps, and those that only docker-compose.yml has. */
export type SettingNames = { settings: readonly string[]; ofCompose: readonly string[] }

const prefix = 'ONQUEUE_'

/** Of clients, such as `npm run batch`: who calls this server may have them set. */
const ofClients = ['ONQUEUE_URL', 'ONQUEUE_API_KEY']

/** Sentences about variables that look like settings and are none: nothing else would tell that they change nothing. */
export const findUnknownSettings = (
  env: NodeJS.ProcessEnv,
  { settings, ofCompose }: SettingNames = readSettingNames(),
): string[] =>
  Object.keys(env).flatMap((name) => {
    if (!name.startsWith(prefix) || name.startsWith('ONQUEUE_TEST_') || env[name] === '') return []
    if (settings.includes(name) || ofClients.includes(name)) return []
    const bare = name.slice(prefix.length)
    const meant = settings.includes(bare) ? bare : nearestSetting(bare, settings)
    // .env may be for docker-compose too
    if (ofCompose.includes(name) && meant !== bare) return []
    const hint = meant === undefined ? '' : ` did you mean ${meant}?`
    return [`${name} is not a setting, and changes nothing;${hint} .env.example has all of them`]
  })

const nearestSetting = (bare: string, settings: readonly string[]) => {
  const named = settings.filter((setting) => setting.startsWith(prefix))
  const nearest = nearestName(
    bare,
    named.map((setting) => setting.slice(prefix.length)),
  )
  return nearest && prefix + nearest
}

const readSettingNames = (): SettingNames => ({
  settings: namesIn('.env.example', /^#(\w+)=/gm),
  ofCompose: namesIn('docker-compose.yml', /\$\{(\w+)/g),
})

const namesIn = (file: string, pattern: RegExp) => {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  return [...text.matchAll(pattern)].map(([, name = '']) => name)
}
