import { z } from 'zod'

/** Values that settings of more than one kind hold. The messages complete a sentence that starts with the setting's name. */
export const text = z.string('must be text')
export const wholeNumber = z.int('must be a whole number').min(1, 'must be at least 1')
