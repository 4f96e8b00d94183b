import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { curlCommand } from './curl-command.ts'

const url = 'http://127.0.0.1:8080/v1/models/iris/predict'

test('a command that can be pasted', () => {
  expect(curlCommand({ url, body: { features: [5.1, 3.5] }, hasKeys: false })).toBe(
    [
      'curl',
      'http://127.0.0.1:8080/v1/models/iris/predict',
      "-H 'content-type: application/json'",
      `-d '{"features":[5.1,3.5]}'`,
    ].join(' \\\n  '),
  )
})

test('with keys, the key comes from the environment', () => {
  expect(curlCommand({ url, body: {}, hasKeys: true })).toContain(
    '-H "authorization: Bearer $ONQUEUE_API_KEY"',
  )
})

test('a shell hands the body over as it is', () => {
  const body = { text: `it's "$HOME" \`id\` \\n` }

  const shown = curlCommand({ url, body, hasKeys: true }).replace(/^curl/, "printf '%s\\n'")

  const words = execFileSync('sh', ['-c', shown], { encoding: 'utf8', env: { ONQUEUE_API_KEY: 'oq_1' } })
  expect(words.split('\n')).toEqual([
    url,
    '-H',
    'authorization: Bearer oq_1',
    '-H',
    'content-type: application/json',
    '-d',
    JSON.stringify(body),
    '',
  ])
})

test('a long body is fetched from the card', () => {
  const body = { pixels: Array.from({ length: 2000 }, () => 0.5) }

  const command = curlCommand({ url: `${url}ions`, body: { input: body }, hasKeys: false })

  expect(command).toContain(
    "curl -s http://127.0.0.1:8080/v1/models/iris | jq '{input: .example}' \\\n| curl",
  )
  expect(command.length).toBeLessThan(400)
  expect(() => execFileSync('sh', ['-n', '-c', command])).not.toThrow()
})
