import { compareVersions } from '@onqueue/shared'
import type { Logger, VersionCard } from '@onqueue/shared'
import type { ModelDefinition } from '../repository/model-definition.ts'
import type { OwnVersion } from './worker-readiness.ts'
import { VersionEntry } from './version-entry.ts'

/** The versions of one model in this worker, by their digest, and those of its folder that could not be read (yet). */
export class VersionEntries {
  readonly #entries = new Map<string, VersionEntry>()
  /** by the digest that stands for theirs */
  readonly #unreadable = new Map<string, VersionCard>()

  /** Enters versions. Throws when one is here already. */
  enter(definitions: ModelDefinition[], log: Logger) {
    for (const { name, version, digest } of definitions)
      if (this.#entries.has(digest)) throw new Error(`version ${version} of ${name} is here; remove it first`)
    return definitions.map((definition) => {
      const entry = new VersionEntry(definition, log)
      this.#entries.set(definition.digest, entry)
      return entry
    })
  }

  /** Takes the card of what could not be read, for good or for now. */
  enterUnreadable(card: VersionCard) {
    this.#unreadable.set(card.digest, card)
  }

  /** It could be read after all. */
  leaveUnreadable({ digest }: VersionCard) {
    this.#unreadable.delete(digest)
  }

  get(digest: string) {
    return this.#entries.get(digest)
  }

  all() {
    return [...this.#entries.values()]
  }

  /** Those that have loaded, in one of these states. */
  versionsThatAre(...states: VersionEntry['state'][]) {
    return this.all().flatMap(({ state, version }) => (version && states.includes(state) ? version : []))
  }

  /** As the consumer of the model's queue sees them. */
  asConsumed() {
    return {
      get: (digest: string) => {
        const entry = this.get(digest)
        return entry?.state === 'ready' ? entry.version : undefined
      },
      all: () => this.versionsThatAre('ready', 'draining'),
      maxInFlightRows: () =>
        Math.max(1, ...this.versionsThatAre('ready').map(({ maxInFlightRows }) => maxInFlightRows)),
    }
  }

  executorPids() {
    return this.all().flatMap(({ version }) => version?.executorPids ?? [])
  }

  healthOf(digest: string) {
    const version = this.get(digest)?.version
    if (!version) return undefined
    const { isHealthy, description, executorPids, rowLimit, rowMs } = version
    const { rows, reason } = rowLimit
    return {
      isHealthy,
      memoryBytes: description.memoryBytes * executorPids.length,
      rowLimit: { rows, reason },
      rowMs: Math.round(rowMs * 1000) / 1000,
    }
  }

  /** How many rows of each version run together at present, and what keeps it from being more. */
  rowLimits() {
    return this.versionsThatAre('ready', 'draining').map(({ definition, rowLimit }) => {
      const { rows, boundBy } = rowLimit
      return { version: definition.version, rows, boundBy }
    })
  }

  /** Ends a version, and forgets it. Resolves when its executors are gone. */
  async end(entry: VersionEntry) {
    const { digest } = entry.definition
    await entry.end()
    if (this.#entries.get(digest) === entry) this.#entries.delete(digest)
  }

  /** All but those that are about to leave, in ascending order. */
  list(): OwnVersion[] {
    const own = this.all().flatMap(({ state, reason, keepsFailing, definition }): OwnVersion[] => {
      const { name: model, version, digest } = definition
      return state === 'draining' || state === 'gone'
        ? []
        : [{ model, version, digest, status: state, reason, keepsFailing }]
    })
    const unreadable = [...this.#unreadable.values()].map(
      ({ model, version, digest, status, reason }): OwnVersion => ({
        model,
        version,
        digest,
        status,
        reason,
      }),
    )
    return [...unreadable, ...own].sort((a, b) => compareVersions(a.version, b.version))
  }
}
