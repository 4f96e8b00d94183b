import { expect, test } from 'vitest'
import { readModelSettings } from '../../apps/worker/src/repository/read-model-settings.ts'
import { modelYaml, proposedSettings } from './model-yaml.ts'

/** Of each line that is a setting, and not the end of a sentence about one. */
const uncommented = (yaml: string) => yaml.replaceAll(/^# (?=(  )?(?!none|auto)[a-z_]+:( |$))/gm, '')

test('what is proposed is set, and everything else is as it is without the file', () => {
  const yaml = modelYaml({
    proposal: {
      task: 'tabular-classification',
      why: 'it has labels',
      features: [
        { name: 'x_0', input: 'x' },
        { name: 'city', input: 'city' },
      ],
      labels: ['no', 'yes: no', '7'],
    },
    schemaPath: '../model.schema.json',
  })

  expect(yaml.split('\n')[0]).toBe('# yaml-language-server: $schema=../model.schema.json')
  expect(readModelSettings(yaml)).toEqual({
    ...readModelSettings('task: tabular-classification'),
    features: [{ name: 'x_0', input: 'x' }, 'city'],
    labels: ['no', 'yes: no', '7'],
  })
})

test.each(['tensors', 'tabular-classification', 'tabular-regression'] as const)(
  'what is in comments of a model of %s counts when the comments are taken off',
  (task) => {
    const yaml = modelYaml({
      proposal: { task, why: 'it was asked for', columns: ['age', 'on'] },
      schemaPath: '',
      example: { 'x: y': [1, 'true', null, { a: [] }] },
    })

    const settings = readModelSettings(uncommented(yaml))

    expect(uncommented(yaml)).toMatch(/^missing: allow$/m)
    expect(settings).toMatchObject({
      ...readModelSettings(`task: ${task}`),
      missing: 'allow',
      batching: { max_rows: 64, max_wait_ms: 2, rows: 'independent' },
      example: { 'x: y': [1, 'true', null, { a: [] }] },
      ...(task === 'tensors' ? {} : { features: ['age', 'on'] }),
    })
    expect(yaml).not.toContain('Has no effect')
  },
)

test('names out of a file stay names, whatever is in them', () => {
  const names = [
    'a\nb: c',
    '\u001b[2J',
    "it's",
    '#',
    '*x',
    '1',
    'null',
    'NO',
    ' ',
    'größe',
    '\u2028',
    '\u{e0041}',
  ]
  const proposal = {
    task: 'tabular-regression' as const,
    why: 'of \n task: evil',
    features: names.map((name) => ({ name, input: name })),
  }

  const yaml = modelYaml({ proposal, schemaPath: '' })

  expect(readModelSettings(yaml)).toMatchObject({ task: 'tabular-regression', features: names })
  expect(yaml.replaceAll('\n', '')).not.toMatch(/\p{Cc}/u)
})

test('for bare tensors nothing has to be said', () => {
  expect(proposedSettings({ task: 'tensors', why: '' })).toEqual([])
})
