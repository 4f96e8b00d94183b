import { expect, test } from 'vitest'
import { createWaitingApp } from './waiting-app.ts'

test('before there is a Redis it is alive, not ready with the reasons, and refuses the rest until later', async () => {
  const app = createWaitingApp({
    isReady: async () => ({ ready: false, reasons: ['Redis does not answer'] }),
  })

  const livez = await app.request('/livez')
  const readyz = await app.request('/readyz?verbose')
  const other = await app.request('/v1/models', { method: 'POST', body: '{}' })

  expect([livez.status, readyz.status, other.status]).toEqual([200, 503, 503])
  expect(await readyz.json()).toEqual({ status: 'unavailable', reasons: ['Redis does not answer'] })
  expect(other.headers.get('retry-after')).toBe('2')
  expect(other.headers.get('content-type')).toBe('application/problem+json')
  expect(await other.json()).toMatchObject({ status: 503, code: 'queue_unavailable' })
})
