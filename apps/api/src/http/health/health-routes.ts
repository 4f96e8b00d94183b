import { createRoute, OpenAPIHono, z } from '@hono/zod-openapi'
import type { Readiness } from '@onqueue/shared'
import type { ApiEnvironment } from '../api-environment.ts'
import type { OpenPaths } from '../dialect.ts'

/**
 * `/livez` and `/readyz` for probes that only reach the main port, open to everybody; `/metrics` with a key, or without
 * keys. The health port serves all three without asking (startHealthServer).
 */
export const healthRoutes = ({
  isReady,
  collectMetrics,
}: {
  isReady: () => Promise<Readiness>
  collectMetrics: () => Promise<string>
}) =>
  new OpenAPIHono<ApiEnvironment>()
    .openapi(livez, (c) => c.json({ status: 'ok' }, 200))
    .openapi(readyz, async (c) => {
      const { ready, reasons } = await isReady()
      return ready ? c.json({ status: 'ok', reasons }, 200) : c.json({ status: 'unavailable', reasons }, 503)
    })
    .openapi(metrics, async (c) =>
      c.text(await collectMetrics(), 200, { 'Content-Type': 'text/plain; version=0.0.4; charset=utf-8' }),
    )

/**
 * `/metrics` is not among them: it tells of the traffic. Probes of the Open Inference Protocol ask below `/v2/health/`; where
 * no route answers them they are told so (404), since asking them for a key would be no answer.
 */
export const healthPaths: OpenPaths = {
  isOpen: (path) => isForProbes(path),
  isProbe: (path) => isForProbes(path),
}

const isForProbes = (path: string) =>
  path === '/livez' || path === '/readyz' || path.startsWith('/v2/health/')

const readinessSchema = z.object({ status: z.string(), reasons: z.array(z.string()) })

const livez = createRoute({
  method: 'get',
  path: '/livez',
  operationId: 'livez',
  tags: ['Health'],
  security: [],
  summary: 'Whether the process answers',
  responses: {
    200: {
      description: 'It does.',
      content: { 'application/json': { schema: z.object({ status: z.string() }) } },
    },
  },
})

const readyz = createRoute({
  method: 'get',
  path: '/readyz',
  operationId: 'readyz',
  tags: ['Health'],
  security: [],
  summary: 'Whether predictions are taken right now',
  responses: {
    200: { description: 'They are.', content: { 'application/json': { schema: readinessSchema } } },
    503: { description: 'They are not; why.', content: { 'application/json': { schema: readinessSchema } } },
  },
})

const metrics = createRoute({
  method: 'get',
  path: '/metrics',
  operationId: 'metrics',
  tags: ['Health'],
  summary: 'Metrics as Prometheus text',
  responses: {
    200: { description: 'The metrics of this process.', content: { 'text/plain': { schema: z.string() } } },
  },
})
