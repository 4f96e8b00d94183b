/**
 * The docs page: Swagger UI on `/openapi.json`, out of files that this server has. It lives at `/docs`; its links are
 * relative, so that it also works behind a proxy that puts a path in front.
 */
export const docsHtml = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <meta name="viewport" content="width=device-width, initial-scale=1">
    <title>OnQueue API</title>
    <link rel="icon" href="data:,">
    <link rel="stylesheet" href="docs/swagger-ui.css">
    <link rel="stylesheet" href="docs/page.css">
  </head>
  <body>
    <div id="docs"></div>
    <noscript>This page needs JavaScript; the same is in <a href="openapi.json">openapi.json</a>.</noscript>
    <script src="docs/swagger-ui-bundle.js"></script>
    <script src="docs/page.js"></script>
  </body>
</html>
`

/** Keys stay in the page (persistAuthorization is off), and no validator elsewhere is asked about the document. */
export const docsScript = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#docs',
  validatorUrl: null,
  deepLinking: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  docExpansion: 'list',
  defaultModelsExpandDepth: 0,
  defaultModelExpandDepth: 3,
  syntaxHighlight: { theme: 'nord' },
})
`

/** The choice of servers is hidden: it is always this one. */
export const docsStyle = `body { margin: 0; }
.swagger-ui .info { margin: 2em 0 1em; }
.swagger-ui .scheme-container .schemes > .schemes-server-container { visibility: hidden; height: 0; }
.swagger-ui .scheme-container:not(:has(.auth-wrapper)) { display: none; }
`

/**
 * Nothing is loaded from or sent to anywhere but this server, whatever a description in the page says. The images of
 * Swagger UI's style sheet are data URLs.
 */
export const docsPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')
