import { writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { modelSettingsJsonSchema } from '../../apps/worker/src/repository/read-model-settings.ts'

// Writes the JSON Schema of model.yaml for editors. A test says when it has to be run again.
const path = fileURLToPath(new URL('../../models/model.schema.json', import.meta.url))
const text = JSON.stringify(modelSettingsJsonSchema(), null, 2)
await writeFile(path, await format(text, { ...(await resolveConfig(path)), parser: 'json' }))
