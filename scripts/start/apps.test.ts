// What can't be made of the list of the apps is held against it here: files in other languages, and prose.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { settings as apiSettings } from '../../apps/api/src/config.ts'
import { settings as webhooksSettings } from '../../apps/webhooks/src/config.ts'
import { settings as workerSettings } from '../../apps/worker/src/config.ts'
import { apps, defaultPort, environmentOf, secretSettings } from './apps.ts'

const root = join(import.meta.dirname, '../..')
const read = (file: string) => readFileSync(join(root, file), 'utf8')
const folders = apps.map(({ folder }) => folder)

test('every folder of apps/ is in the list', () => {
  expect(readdirSync(join(root, 'apps')).toSorted()).toEqual(folders.toSorted())
})

test('there is an image and a service for every app, and for nothing else but Redis', () => {
  const targets = [...read('Dockerfile').matchAll(/^# +docker build --target (\S+)/gm)]

  expect(targets.map(([, target]) => target)).toEqual(folders)
  expect([...readServices().keys()]).toEqual(['redis', ...folders])
})

test('every image is built with the manifests of all workspaces, or npm ci refuses the lock file', () => {
  const copied = instructionsOf('manifests').filter((line) => /^COPY \w+\//.test(line))

  expect(copied).toEqual(
    ['packages/shared', ...folders.map((folder) => `apps/${folder}`)].map(
      (folder) => `COPY ${folder}/package.json ${folder}/`,
    ),
  )
})

test('the image of the API has all of scripts/ that making a key needs', () => {
  const needed = ['keys.ts']
  for (const file of needed)
    for (const [, path = ''] of read(`scripts/${file}`).matchAll(/^import .* from '(\.\.?\/[^']+)'$/gm)) {
      const found = join(dirname(file), path)
      if (!found.startsWith('..') && !needed.includes(found)) needed.push(found)
    }

  const copied = instructionsOf('api').flatMap(
    (line) => /^COPY scripts\/(\S+) scripts\//.exec(line)?.[1] ?? [],
  )
  const letIn = [...read('.dockerignore').matchAll(/^!scripts\/(.+)$/gm)].map(([, file = '']) => file)

  expect(copied.toSorted()).toEqual(needed.toSorted())
  expect(letIn.toSorted()).toEqual(needed.toSorted())
})

describe.each(apps)('$name', ({ name, folder, entry, nodeArgs, ownEnv, secrets, healthPort }) => {
  const port = defaultPort + healthPort.offset

  test('is a workspace with the files that every app has', () => {
    const source = (file: string) => join(root, 'apps', folder, 'src', file)

    expect(JSON.parse(read(`apps/${folder}/package.json`)).name).toBe(`@onqueue/${folder}`)
    expect(['main.ts', 'config.ts', 'server.ts'].map(source).filter((file) => !existsSync(file))).toEqual([])
  })

  test('has an image with its own packages and sources', () => {
    const packages = instructionsOf(`${folder}-packages`).join('\n')
    const image = instructionsOf(folder)

    expect(packages).toContain(
      `npm ci --omit=dev --ignore-scripts --workspace=packages/shared --workspace=apps/${folder}`,
    )
    expect(image).toContain(`COPY --from=${folder}-packages /app ./`)
    expect(image).toContain(`COPY apps/${folder} apps/${folder}`)
  })

  test('has the options of V8 in its image that npm start gives it, also where the compile cache is filled', () => {
    const image = instructionsOf(folder)
    const commandLine = ['node', ...nodeArgs, entry]

    expect(image.filter((line) => line.startsWith('CMD'))).toEqual([`CMD ${toJson(commandLine)}`])
    expect(image.filter((line) => line.includes(entry) && line.startsWith('RUN'))).toEqual([
      `RUN LOG_LEVEL=none ${commandLine.join(' ')} >/dev/null 2>&1 || true`,
    ])
  })

  test('has the environment in its image that npm start gives it', () => {
    const { NODE_COMPILE_CACHE: _, ...environment } = imageEnvironmentOf(folder)
    const isSetting = (variable: string) => /^(ONQUEUE_|PORT$)/.test(variable)

    const own = Object.entries(environment).filter(([variable]) => !isSetting(variable))
    expect(Object.fromEntries(own)).toEqual(ownEnv)
  })

  test('is given its own secrets and no other, whatever is in the environment of npm start', () => {
    const env = { ...Object.fromEntries(secretSettings.map((setting) => [setting, 'secret'])), LANG: 'C' }

    const given = environmentOf({ ownEnv, secrets }, env)

    const read = secretSettings.filter((setting) => setting in settingsOf[folder].shape)
    expect(secretSettings.filter((setting) => setting in given)).toEqual(read)
    expect(given).toMatchObject({ ...ownEnv, LANG: 'C' })
  })

  test('has the same health port everywhere, which is not the one of another app', () => {
    const image = instructionsOf(folder).join('\n')
    const { setting } = healthPort

    expect(apps.filter((app) => app.healthPort.offset === healthPort.offset)).toHaveLength(1)
    expect(read('.env.example')).toContain(`#${setting}=${port}\n`)
    expect(imageEnvironmentOf(folder)).toMatchObject({
      [setting]: String(port),
      [setting.replace(/PORT$/, 'HOST')]: '0.0.0.0',
    })
    expect(image).toMatch(new RegExp(`^EXPOSE (\\d+ )*${port}$`, 'm'))
    expect(image).toMatch(new RegExp(`^HEALTHCHECK .*process\\.env\\.${setting}\\}/livez`, 'm'))
    expect(readServices().get(folder)).toContain(`fetch("http://127.0.0.1:${port}/readyz")`)
  })

  test('has a service that is built from its image', () => {
    const service = readServices().get(folder)
    expect(service).toContain(`\n    build: { <<: *build, target: ${folder} }\n`)
    expect(service).toContain(`\n    image: \${ONQUEUE_${folder.toUpperCase()}_IMAGE:-onqueue-${folder}}\n`)
  })

  test('is in the tables of the docs, and its metrics have a section', () => {
    for (const file of ['ARCHITECTURE.md', 'CONTRIBUTING.md']) {
      expect(read(file)).toMatch(new RegExp(`^\\| \`apps/${folder}\` \\| \\S`, 'm'))
    }
    expect(read('docs/metrics.md')).toMatch(new RegExp(`^## ${name}$`, 'im'))
    expect(read('docs/metrics.md')).toContain(`\`${healthPort.setting}\``)
  })
})

const settingsOf = { api: apiSettings, worker: workerSettings, webhooks: webhooksSettings }

/** The instructions of one stage of the Dockerfile, a line each. */
const instructionsOf = (stage: string) => {
  const stages = read('Dockerfile').split(/^(?=FROM )/m)
  const text = stages.find((one) => new RegExp(`^FROM \\S+ AS ${stage}$`, 'm').test(one))
  if (text === undefined) throw new Error(`the Dockerfile has no stage ${stage}`)
  return text
    .replaceAll(/ *\\\n */g, ' ')
    .split('\n')
    .filter((line) => /^[A-Z]/.test(line))
}

const imageEnvironmentOf = (stage: string): Record<string, string> =>
  Object.fromEntries(
    instructionsOf(stage)
      .filter((line) => line.startsWith('ENV '))
      .flatMap((line) => line.split(' ').slice(1))
      .map((assignment) => assignment.split('=', 2)),
  )

/** The services of docker-compose.yml, by name, as they are written. */
const readServices = () => {
  const section = /^services:\n([^]*?)^\w/m.exec(read('docker-compose.yml'))?.[1] ?? ''
  const services = section.matchAll(/^ {2}(\w+):\n((?: {4}.*\n|\n)*)/gm)
  return new Map([...services].map(([, service = '', text = '']) => [service, `\n${text}`]))
}

/** With a space after each comma, as arrays are written in a Dockerfile. */
const toJson = (words: readonly string[]) => `[${words.map((word) => JSON.stringify(word)).join(', ')}]`
