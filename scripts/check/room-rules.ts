import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { apps } from '../start/apps.ts'

type House = {
  /** where its rooms are */
  folder: string
  /** the top line first; a room of two folders stands on neither of its neighbours either */
  lines: string[][]
  /** the files beside the rooms that put them together */
  above: string[]
}

/**
 * The rooms of each app, and who may import whom, as rules for oxlint.
 *
 * A room imports from the rooms of the lines below its own, and from no other: not from its neighbours in a line, not from
 * the lines above, and not from the files beside the rooms, which put them together. So each can be read, tested and
 * changed with what it stands on alone, and no two of them can come to depend on each other.
 */
export const houses: House[] = [
  {
    folder: 'apps/api/src',
    above: ['main', 'config', 'server', 'open-app', 'metrics'],
    lines: [
      ['openapi'],
      roomsIn('apps/api/src', 'dialects'),
      ['batches'],
      ['submit'],
      ['deliveries', 'files'],
      ['predictions'],
      ['models', 'access'],
      ['http', 'redis'],
    ],
  },
  {
    folder: 'apps/worker/src',
    above: ['main', 'config', 'server', 'metrics'],
    lines: [
      ['versions'],
      ['chunks'],
      ['queue', 'upkeep', 'batches'],
      ['serving'],
      ['sizes'],
      ['supervision'],
      ['executor'],
      ['repository'],
      ['tasks'],
      ['onnx-file'],
      ['tensors'],
    ],
  },
  {
    folder: 'apps/webhooks/src',
    above: ['main', 'config', 'server', 'open-delivering', 'metrics'],
    lines: [['creating', 'dispatch', 'upkeep'], ['attempts'], ['schedule']],
  },
  {
    folder: 'scripts',
    above: ['bootstrap', 'batch', 'keys', 'models', 'recipes'],
    lines: [['batch', 'check', 'make', 'models', 'recipes'], ['start'], ['redis'], ['bootstrap', 'commands']],
  },
  {
    folder: 'bench',
    above: ['main', 'options'],
    lines: [
      ['report'],
      ['measure'],
      ['peers'],
      ['stack', 'receiver'],
      ['load'],
      ['models'],
      ['ceiling'],
      ['figures'],
      ['processes'],
    ],
  },
  {
    folder: 'storm',
    above: ['main', 'options', 'run-storm', 'run-batch-storm'],
    lines: [
      ['report'],
      ['judge'],
      ['aftermath', 'submits'],
      ['stack', 'receiver', 'broken'],
      ['ledger', 'plan'],
      ['questions', 'http'],
    ],
  },
  {
    folder: 'packages/shared/src',
    above: ['index'],
    lines: [
      ['records'],
      ['redis'],
      ['process'],
      ['ids', 'webhooks', 'storage', 'rows'],
      ['contract', 'addresses'],
    ],
  },
]

/** A folder of rooms that may not know each other. One more is guarded as soon as it is there. */
function roomsIn(house: string, folder: string) {
  const entries = readdirSync(join(import.meta.dirname, '../..', house, folder), { withFileTypes: true })
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => `${folder}/${name}`)
}

type RoomRule = { files: string[]; excludeFiles?: string[]; rules: ReturnType<typeof forbid> }

type Pattern = ({ regex: string } | { group: string[] }) & { message: string }

const appNames = apps.map(({ folder }) => folder).join('|')

const appsApart: Pattern = {
  regex: `^@onqueue/(${appNames})(/|$)|^(\\.\\./)+(apps/)?(${appNames})/src/`,
  message:
    'Apps never import each other: they run as separate processes and may be of different releases. What two of them need goes into packages/shared.',
}

const sharedByItsDoors: Pattern = {
  regex: '^(\\.\\./)+packages/shared/',
  message:
    'Import @onqueue/shared or one of its doors, such as @onqueue/shared/contract: these are what apps agree on, the files behind them are not.',
}

const sharedKnowsNoApp: Pattern = {
  regex: `^@onqueue/(${appNames})(/|$)|/apps/`,
  message:
    'packages/shared imports no app: it is the contract that all of them stand on, so it may not know any of them.',
}

const contractIsLight: Pattern = {
  group: ['**', '!zod', '!./*'],
  message:
    '@onqueue/shared/contract imports zod only: clients and a dashboard load it, which have no Node, Redis or secrets.',
}

const generalOf = (folder: string) => {
  if (folder.startsWith('apps/')) return [appsApart, sharedByItsDoors]
  return folder.startsWith('packages/') ? [sharedKnowsNoApp] : []
}

const roomPatterns = ({ lines, above }: House, room: string): Pattern[] => {
  const level = lines.findIndex((line) => line.includes(room))
  const allowed = lines.slice(level + 1).flat()
  const forbidden = lines.flat().filter((other) => other !== room && !allowed.includes(other))
  const below = allowed.length === 0 ? 'none' : allowed.join(', ')
  return [
    ...forbidden.map((other) => ({
      regex: `^(\\.\\./)+${pathOf(other, room)}/`,
      message: `${room} stands on ${below}, and may not know ${other}: take what is needed as an argument, or move it to the room that both stand on (scripts/check/room-rules.ts).`,
    })),
    {
      regex: `^(\\.\\./)+(${above.join('|')})\\.ts$`,
      message: `${room} may not know what puts the rooms together: take what is needed as an argument.`,
    },
  ]
}

/** From inside of `dialects/native`, `dialects/plain` is `../plain`, and `../../dialects/plain` too. */
const pathOf = (other: string, room: string) => {
  const [otherParent, otherName] = other.split('/')
  const [parent] = room.split('/')
  return otherName !== undefined && otherParent === parent ? `(${parent}/)?${otherName}` : other
}

const tests = ['**/*.test.ts', '**/*.fixture.ts']

/** One override a folder. The last that matches a file counts, and replaces the ones before it. */
export const roomRules: RoomRule[] = [
  ...['apps', 'packages'].map((folder) => ({
    files: [`${folder}/**`],
    rules: forbid(generalOf(`${folder}/`)),
  })),
  ...houses.flatMap((house) =>
    house.lines.flat().map((room) => ({
      files: [`${house.folder}/${room}/**`],
      excludeFiles: tests,
      rules: forbid([...generalOf(house.folder), ...roomPatterns(house, room)]),
    })),
  ),
  {
    files: ['packages/shared/src/contract/**'],
    excludeFiles: tests,
    rules: forbid([sharedKnowsNoApp, contractIsLight]),
  },
]

function forbid(patterns: Pattern[]) {
  const rule: ['error', { patterns: Pattern[] }] = ['error', { patterns }]
  return { 'eslint/no-restricted-imports': rule }
}
