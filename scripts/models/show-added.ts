import { curlCommand } from '../../apps/api/src/openapi/curl-command.ts'
import type { AddedModel } from './add-model.ts'
import { escapeControls } from '../commands/escape-controls.ts'
import { showChecks } from './show-checks.ts'

/** What came of adding a model: what was found, how to ask it, and what is to be done next. */
export const showAdded = (
  { checked, place, isAdded, settingsFrom }: AddedModel,
  { url, hasKeys }: { url: string; hasKeys: boolean },
): string[] => {
  const table = showChecks([checked])
  const { name, version, versionDir, modelDir } = place
  if (!isAdded) return [...table, '', `${name} was not added: nothing was left in the repository.`]
  const example = checked.found?.interface.example
  return [
    ...table,
    '',
    ...[
      `Added ${name}${version === undefined ? '' : `, version ${version},`} as ${versionDir}`,
      settingsNote[settingsFrom](modelDir, checked.found?.interface.task ?? null),
      '',
      'Next: restart the worker (or npm start). Models are read when it starts; one that runs only says that there is something new.',
      ...(version === undefined
        ? []
        : [
            `Who asks for no version gets the newest one that was loaded; ?version=${version} asks for this one.`,
          ]),
    ].map(escapeControls),
    ...showCommands({ model: `${url}/v1/models/${name}`, example, hasKeys }),
  ]
}

const settingsNote = {
  proposed: (modelDir: string, task: string | null) =>
    `Its settings are in ${modelDir}/model.yaml: ${task === 'tensors' ? 'describe it' : 'name features and classes'} there.`,
  'beside the file': (modelDir: string) =>
    `Its settings, ${modelDir}/model.yaml, are those that lay beside the file.`,
  'the model': (modelDir: string) => `Its settings are those of all versions, in ${modelDir}.`,
} as const

const showCommands = ({ model, example, hasKeys }: { model: string; example: unknown; hasKeys: boolean }) => {
  const isShort = example !== null && example !== undefined
  // one that is too long is not on the card either
  const input = isShort ? example : '…'
  const command = (path: string, body: unknown) =>
    curlCommand({ url: `${model}/${path}`, body, hasKeys })
      .split('\n')
      .map(escapeControls)
  return [
    '',
    isShort
      ? 'Then ask it, and wait for the answer:'
      : 'Then ask it, with an input in place of the "…", which is too long to be shown:',
    '',
    ...command('predict', input),
    '',
    'or submit, and collect the answer later:',
    '',
    ...command('predictions', { input }),
  ]
}
