import { curlCommand } from './curl-command.ts'

/** What the page at `/` says of the server. */
export type HomePage = {
  version: string
  publicUrl: string
  hasKeys: boolean
  models: { name: string; status: string; description: string | null; reason?: string; example?: unknown }[]
}

/**
 * The page that a browser gets at `/`: what runs here, and where to go. Its links are relative, so that it also works behind
 * a proxy that puts a path in front.
 */
export const homeHtml = ({ version, publicUrl, hasKeys, models }: HomePage) => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>OnQueue</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/home.css">
  </head>
  <body>
    <main>
      <h1>OnQueue <small>${escape(version)}</small></h1>
      <p>This server takes predictions over HTTP, queues them, and runs them on the models below.</p>
      <nav>
        <a href="docs">API reference</a>
        <a href="openapi.json">OpenAPI document</a>
        <a href="readyz">Is it ready?</a>
        ${hasKeys ? '' : '<a href="v1/models">Models as JSON</a>'}
      </nav>
      <h2>Models</h2>
      ${models.length === 0 ? noModels : modelTable(models)}
      ${exampleOf(models, { publicUrl, hasKeys })}
      ${hasKeys ? keysNote : ''}
    </main>
  </body>
</html>
`

const noModels =
  '<p>None has been loaded yet: put a folder with a <code>model.onnx</code> into the models folder, and start a worker.</p>'

const keysNote =
  '<p>Requests need an API key; whoever operates this server makes one with <code>npm run keys -- create NAME</code>.</p>'

const modelTable = (models: HomePage['models']) => `<table>
        <thead><tr><th>Name</th><th>Status</th><th>What it does</th></tr></thead>
        <tbody>
          ${models.map(modelRow).join('\n          ')}
        </tbody>
      </table>`

const modelRow = ({ name, status, description, reason, example }: HomePage['models'][number]) => {
  // a model that was never loaded is not in the reference
  const shown =
    example === undefined
      ? escape(name)
      : `<a href="docs#/${escape(name)}/predict_${escape(name)}">${escape(name)}</a>`
  const text = (status === 'refused' ? reason : (description ?? reason)) ?? ''
  return `<tr><td>${shown}</td><td class="${escape(status)}">${escape(status)}</td><td>${escape(text)}</td></tr>`
}

const exampleOf = (
  models: HomePage['models'],
  { publicUrl, hasKeys }: Pick<HomePage, 'publicUrl' | 'hasKeys'>,
) => {
  const model = models.find(({ status, example }) => status === 'ready' && example !== undefined)
  if (!model) return ''
  const url = `${publicUrl}/v1/models/${model.name}/predict`
  return `<h2>Try it</h2>
      <pre>${escape(curlCommand({ url, body: model.example, hasKeys }))}</pre>`
}

const escape = (text: string) =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')

export const homeStyle = `:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; color: CanvasText; background: Canvas; }
main { max-width: 52rem; margin: 0 auto; padding: 3rem 1.5rem; }
h1 { margin: 0 0 .5rem; }
h1 small { font-size: 1rem; font-weight: normal; opacity: .6; }
h2 { margin: 2.5rem 0 .5rem; font-size: 1.15rem; }
nav { display: flex; flex-wrap: wrap; gap: .5rem 1.5rem; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .75rem .4rem 0; border-bottom: 1px solid color-mix(in srgb, CanvasText 15%, transparent); text-align: left; vertical-align: top; }
th { font-weight: 600; }
.ready { color: light-dark(#18703a, #6fcf97); }
.refused, .unavailable { color: light-dark(#b3261e, #f2958f); }
pre { padding: 1rem; overflow-x: auto; border-radius: .4rem; background: color-mix(in srgb, CanvasText 7%, transparent); }
`
