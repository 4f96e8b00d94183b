import { expect, test } from 'vitest'
import { modelEntry } from '../models/model-entry.fixture.ts'
import { homeRoutes } from './home-routes.ts'

const startApp = ({ hasKeys = false, models = [modelEntry('iris')] } = {}) =>
  homeRoutes({
    models: { list: () => models },
    access: { isKeyNeeded: () => hasKeys },
    publicUrl: 'https://ml.example.com/onqueue',
  })

const readPage = async (app = startApp()) => {
  const response = await app.request('/', {
    headers: { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' },
  })
  return { headers: response.headers, html: await response.text() }
}

test('a browser gets a page that says what runs here, with links', async () => {
  const { headers, html } = await readPage()

  expect(headers.get('content-type')).toBe('text/html; charset=utf-8')
  expect(headers.get('content-security-policy')).toContain("default-src 'none'")
  expect([...html.matchAll(/href="([^"]*)"/g)].map(([, link]) => link)).toEqual([
    'data:,',
    'docs/home.css',
    'docs',
    'openapi.json',
    'readyz',
    'v1/models',
    'docs#/iris/predict_iris',
  ])
  expect(html).toContain('curl \\\n  https://ml.example.com/onqueue/v1/models/iris/predict')
})

test('a program gets the same in short', async () => {
  const response = await startApp().request('/', { headers: { accept: '*/*' } })

  expect(await response.json()).toMatchObject({
    object: 'server',
    name: 'OnQueue',
    models: [{ name: 'iris', status: 'ready' }],
    urls: { docs: 'https://ml.example.com/onqueue/docs' },
  })
})

test('where keys are needed the page says so, and links to nothing that needs one', async () => {
  const { html } = await readPage(startApp({ hasKeys: true }))

  expect(html).toContain('Requests need an API key')
  expect(html).toContain('authorization: Bearer $ONQUEUE_API_KEY')
  expect(html).not.toContain('href="v1/models"')
})

test('a model that is refused or can not be loaded says why, and no model at all what to do', async () => {
  const refused = modelEntry('broken', {
    card: { model: 'broken', interface: null },
    served: { status: 'refused', reason: 'no <b>file</b>' },
  })

  const failing = modelEntry('deadly', {
    card: { model: 'deadly', interface: null },
    served: { status: 'unavailable', reason: 'ended by SIGFPE' },
  })

  const { html } = await readPage(startApp({ models: [refused, failing] }))
  const none = await readPage(startApp({ models: [] }))

  expect(html).toContain('<td>broken</td><td class="refused">refused</td><td>no &lt;b&gt;file&lt;/b&gt;</td>')
  expect(html).toContain('<td>deadly</td><td class="unavailable">unavailable</td><td>ended by SIGFPE</td>')
  expect(html).not.toContain('Try it')
  expect(none.html).toContain('None has been loaded yet')
})
