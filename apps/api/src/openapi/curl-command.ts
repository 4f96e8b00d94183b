/** Above this, an example is not shown in the command but fetched by it. */
const longestBody = 2000

/**
 * A command that posts `body` to `url` when it is pasted into a POSIX shell. A body too long to look at is taken from
 * the model's card, with jq. With keys, the key is expected in `$ONQUEUE_API_KEY`.
 */
export const curlCommand = ({ url, body, hasKeys }: { url: string; body: unknown; hasKeys: boolean }) => {
  const key = hasKeys ? ['-H "authorization: Bearer $ONQUEUE_API_KEY"'] : []
  const type = "-H 'content-type: application/json'"
  const text = JSON.stringify(body)
  if (text.length <= longestBody) {
    return ['curl', quote(url), ...key, type, `-d ${quote(text)}`].join(' \\\n  ')
  }
  const card = url.replace(/\/[^/]*$/, '')
  const filter = url.endsWith('/predict') ? '.example' : '{input: .example}'
  return [
    ['curl', '-s', quote(card), ...key, `| jq '${filter}'`].join(' '),
    ['| curl', quote(url), ...key, type, '-d @-'].join(' \\\n  '),
  ].join(' \\\n')
}

/** In single quotes a POSIX shell changes nothing; a single quote itself has to be put between two such strings. */
const quote = (text: string) => (/^[\w:/.@-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`)
