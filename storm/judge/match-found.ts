import type { Found } from '../aftermath/read-all.ts'
import { toldIds } from '../ledger/entry.ts'
import type { Entry, FinalPrediction } from '../ledger/entry.ts'

/** A prediction that is there, in one view of it. */
export type Match = { id: string; seen: (FinalPrediction | null)[]; prediction: FinalPrediction | null }

export type Matching = {
  /** the predictions that came of an entry, by the entry's ordinal */
  of: (entry: Entry) => readonly Match[]
  entryOf: (predictionId: string) => Entry | undefined
  /** predictions that nobody asked for */
  strays: readonly Match[]
}

/** Finds out which predictions came of what: by the id that was told, by the metadata, or by the first row of the input. */
export const matchFound = (entries: readonly Entry[], found: readonly Found[]): Matching => {
  const byId = new Map(entries.flatMap((entry) => toldIds(entry).map((id) => [id, entry] as const)))
  const byOrdinal = new Map(entries.map((entry) => [String(entry.ordinal), entry]))
  const byInput = new Map(
    entries.map((entry) => [signOf(entry.question.model, entry.question.input), entry] as const),
  )

  const matches = new Map<Entry, Match[]>()
  const owners = new Map<string, Entry>()
  const strays: Match[] = []
  for (const { id, seen } of found) {
    const prediction = seen.find((one) => one !== null) ?? null
    const match = { id, seen, prediction }
    const entry =
      byId.get(id) ??
      (prediction &&
        (byOrdinal.get(prediction.metadata['storm'] ?? '') ??
          byInput.get(signOf(String(prediction['model']), prediction.input))))
    if (entry) {
      owners.set(id, entry)
      matches.set(entry, [...(matches.get(entry) ?? []), match])
    } else if (prediction) strays.push(match)
  }
  return { of: (entry) => matches.get(entry) ?? [], entryOf: (id) => owners.get(id), strays }
}

const signOf = (model: string, input: unknown) =>
  `${model} ${JSON.stringify(Array.isArray(input) ? input[0] : input)}`
