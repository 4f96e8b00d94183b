/** Bodies of nearly 10 MB, by what is made of most of them. `status` is what they are answered. */
export type HostileShape = { name: string; body: string; status: number }

const bytes = 10_000_000
const filled = (text: string) => text.repeat(Math.floor(bytes / text.length))
const names = (count: number, padding: number) =>
  Array.from({ length: count }, (_, index) => `"${index}${'y'.repeat(padding)}":0`).join(',')

/** For the model demo-classifier, whose input is `{ features: [four numbers] }`. */
export const hostileShapes = (): HostileShape[] => [
  { name: '700,000 names', body: `{"input":{${names(700_000, 0)}}}`, status: 413 },
  { name: '99,000 names, let in', body: `{"input":{${names(99_000, 85)}}}`, status: 422 },
  { name: 'backslashes', body: `{"input":"${filled('\\')}`, status: 400 },
  { name: 'empty arrays', body: `{"input":[${filled('[],')}1]}`, status: 413 },
  { name: 'empty objects', body: `{"input":[${filled('{},')}1]}`, status: 413 },
  {
    name: '499,000 arrays, let in',
    body: `{"input":{"features":[${'[1],'.repeat(499_000)}1]}}`,
    status: 422,
  },
  { name: 'numbers', body: `{"input":{"features":[${filled('0.5,')}1]}}`, status: 422 },
  { name: 'strings of é', body: `{"input":"${filled('é').slice(0, bytes / 2)}"}`, status: 422 },
]
