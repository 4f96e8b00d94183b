import { formOf, plainForm } from '../ids/sealed-text.ts'
import type { Seals } from '../ids/sealed-text.ts'
import type { ReadState } from './live-processes.ts'

/** How the secrets of owners are kept in Redis, where processes that read less may be beside this one. */
export type SecretForms = {
  /** The form to store it in. */
  write(owner: string, secret: string): string
  /** Throws an `UnreadableError` that names the setting. */
  read(owner: string, stored: string): string
  /** The same in another form; undefined where it may stay as it is. Throws as `read` does. */
  bring(owner: string, stored: string): string | undefined
}

export const createSecretForms = (seals: Seals, stateOf: (form: string) => ReadState): SecretForms => ({
  write: (owner, secret) => seals.seal(formToWrite(seals.forms, stateOf), secret, aboutOf(owner)),
  read: (owner, stored) => seals.open(stored, aboutOf(owner)),
  bring: (owner, stored) => {
    const secret = seals.open(stored, aboutOf(owner))
    const form = formToBring(formOf(stored), seals.forms, stateOf)
    return form === undefined ? undefined : seals.seal(form, secret, aboutOf(owner))
  },
})

/** The best form that every live process reads. `forms` are those that this process reads, the best first. */
export const formToWrite = (forms: readonly string[], stateOf: (form: string) => ReadState): string =>
  forms.find((form) => form === plainForm || stateOf(form) === 'yes') ?? plainForm

/** The form into which what is stored has to be brought; undefined where it may stay as it is. */
export const formToBring = (
  stored: string,
  forms: readonly string[],
  stateOf: (form: string) => ReadState,
): string | undefined => {
  const wanted = formToWrite(forms, stateOf)
  const isBetter = forms.indexOf(wanted) < forms.indexOf(stored)
  const isUnreadable = stored !== plainForm && stateOf(stored) === 'no'
  return wanted !== stored && (isBetter || isUnreadable) ? wanted : undefined
}

const aboutOf = (owner: string) => `webhook secret of ${owner}`
