import { expect, test } from 'vitest'
import type { ReadState } from './live-processes.ts'
import { formToBring, formToWrite } from './secret-forms.ts'

const forms = ['new', 'old', 'plain']
const by = (states: Record<string, ReadState>) => (form: string) => states[form] ?? 'unknown'

test('what is written has the best form that all read', () => {
  expect(formToWrite(forms, by({ new: 'yes', old: 'yes' }))).toBe('new')
  expect(formToWrite(forms, by({ new: 'no', old: 'yes' }))).toBe('old')
  expect(formToWrite(forms, by({ new: 'unknown', old: 'no' }))).toBe('plain')
  expect(formToWrite(['plain'], by({}))).toBe('plain')
})

test('what is stored is brought into a better form when all read that', () => {
  expect(formToBring('plain', forms, by({ new: 'yes' }))).toBe('new')
  expect(formToBring('old', forms, by({ new: 'yes', old: 'yes' }))).toBe('new')
  expect(formToBring('new', forms, by({ new: 'yes' }))).toBe(undefined)
})

test('what is encrypted stays so while it is not known who is there', () => {
  expect(formToBring('new', forms, by({}))).toBe(undefined)
  expect(formToBring('old', forms, by({ old: 'unknown' }))).toBe(undefined)
})

test('what somebody is there who can not read it is brought into a form that he can', () => {
  expect(formToBring('new', forms, by({ new: 'no', old: 'yes' }))).toBe('old')
  expect(formToBring('new', forms, by({ new: 'no', old: 'no' }))).toBe('plain')
})
