import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pickPort, pickPorts } from '../../scripts/redis/ports.ts'
import type { ModelName } from './cases.ts'
import type { Contender } from './contender.ts'
import { bentoWording, litServeWording, mlServerWording, plainWording, plainQueueWording } from './wording.ts'
import { toPythonProgram } from './python-place.ts'
import type { PythonPlace } from './python-place.ts'
import { startPrograms } from './start-programs.ts'
import type { Program } from './start-programs.ts'
import { withRedis } from './with-redis.ts'

/** The tutorial: the model runs in the request. */
export const toFastApi = (place: PythonPlace): Contender => ({
  name: 'FastAPI',
  wording: plainWording,
  modelProcess: /spawn_main/,
  start: async ({ model, probe }) => {
    const port = await pickPort()
    const program = toUvicorn(place, model, { app: 'fastapi_app:app', port })
    return startPrograms([program], { url: toUrl(port), probe })
  },
})

export const toCelery = (place: PythonPlace): Contender => ({
  name: 'FastAPI + Celery',
  wording: plainQueueWording,
  modelProcess: /celery_app\.celery worker/,
  start: ({ model, probe }) =>
    withRedis(async (redis) => {
      const port = await pickPort()
      const api = toUvicorn(place, model, { app: 'celery_app:app', port })
      const worker = toPythonProgram(place, {
        name: 'celery',
        args: ['-A', 'celery_app.celery', 'worker', '--concurrency', '2', '--loglevel', 'warning'],
        model,
      })
      const withUrl = ({ env, ...program }: Program) => ({
        ...program,
        env: { ...env, REDIS_URL: redis.url },
      })
      return startPrograms([withUrl(api), withUrl(worker)], { url: toUrl(port), probe })
    }),
})

export const toLitServe = (place: PythonPlace): Contender => ({
  name: 'LitServe',
  wording: litServeWording,
  modelProcess: /spawn_main/,
  start: async ({ model, probe }) => {
    const port = await pickPort()
    const program = toPythonProgram(place, { name: 'python', args: ['lit_server.py', String(port)], model })
    return startPrograms([program], { url: toUrl(port), probe })
  },
})

export const toBentoMl = (place: PythonPlace): Contender => ({
  name: 'BentoML',
  wording: bentoWording,
  modelProcess: /worker\.service/,
  start: async ({ model, probe }) => {
    const port = await pickPort()
    const program = toPythonProgram(place, {
      name: 'bentoml',
      args: ['serve', 'bento_service:Predictor', '--host', '127.0.0.1', '--port', String(port)],
      model,
    })
    return startPrograms([program], { url: toUrl(port), probe })
  },
})

export const toMlServer = (place: PythonPlace): Contender => ({
  name: 'MLServer',
  wording: mlServerWording,
  modelProcess: /spawn_main/,
  start: async ({ model, probe }) => {
    const ports = await pickPorts(['http_port', 'grpc_port', 'metrics_port'])
    const folder = join(place.folder, model)
    await mkdir(folder, { recursive: true })
    const settings = { host: '127.0.0.1', parallel_workers: 2, debug: false, ...ports }
    await writeFile(join(folder, 'settings.json'), JSON.stringify(settings))
    await writeFile(
      join(folder, 'model-settings.json'),
      JSON.stringify({
        name: model,
        implementation: model === 'tiny' ? 'mlserver_sklearn.SKLearnModel' : 'ml_runtime.Heavy',
        max_batch_size: model === 'tiny' ? 64 : 32,
        max_batch_time: 0.005,
        parameters: { uri: place.tinyFile },
      }),
    )
    const program = toPythonProgram(place, { name: 'mlserver', args: ['start', folder], model })
    return startPrograms([program], { url: toUrl(Number(ports['http_port'])), probe })
  },
})

const toUrl = (port: number) => `http://127.0.0.1:${port}`

const toUvicorn = (place: PythonPlace, model: ModelName, { app, port }: { app: string; port: number }) =>
  toPythonProgram(place, {
    name: 'uvicorn',
    args: [
      app,
      '--host',
      '127.0.0.1',
      '--port',
      String(port),
      '--workers',
      '2',
      '--log-level',
      'warning',
      '--no-access-log',
    ],
    model,
  })
