import { expect, test } from 'vitest'
import { toCurl } from './announce-ready.ts'

test('the request can be pasted into a shell, whatever is in the example', () => {
  expect(toCurl('http://127.0.0.1:8080/v1/models/notes/predict', { text: "it's" })).toBe(
    `curl -X POST http://127.0.0.1:8080/v1/models/notes/predict -H 'content-type: application/json' -d '{"text":"it'\\''s"}'`,
  )
})
