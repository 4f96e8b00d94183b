import { AppError, modelNameSchema, nearestName, nearestNames } from '@onqueue/shared'

/** Who asks for the card of a model that is not there is told the names that are, the nearest first. */
export const cardNotFound = (name: string, known: string[]) => {
  const asked = name.slice(0, maxNameLength)
  return notFound(`model "${asked}" is not here`, describeKnown(name, known))
}

/** So is who submits to it. A name that can't be one is not repeated, and more names than are told are counted. */
export const modelNotFound = (name: string, known: string[]) => {
  const isName = modelNameSchema.safeParse(name).success
  const untold = known.length - maxNames
  return notFound(
    isName ? `model "${name}" is not here` : 'no model has such a name',
    describeKnown(name, known) + (untold > 0 ? ` and ${untold} more, see GET /v1/models` : ''),
  )
}

const maxNameLength = 64
const maxNames = 10

const notFound = (what: string, known: string) => new AppError('model_not_found', `${what}; ${known}`)

const describeKnown = (name: string, known: string[]) => {
  const asked = name.slice(0, maxNameLength)
  const nearest = nearestNames(asked, known).slice(0, maxNames)
  if (nearest.length === 0) return 'no model has been loaded yet'
  const meant = nearestName(asked, known)
  const question = meant === undefined ? '' : `did you mean "${meant}"? `
  return `${question}known models: ${nearest.join(', ')}`
}
