/** What of an operation decides on how it can be refused. */
type Operation = {
  requestBody?: unknown
  security?: unknown
  parameters?: readonly { in?: unknown }[]
  responses?: object
}

/**
 * Operations with the refusals that follow from what they are, beside those that they tell of themselves: who needs a key
 * can be without, and who reads a body or a query can get one that is none.
 */
export const withRefusals = (
  paths: Record<string, object>,
  { hasKeys }: { hasKeys: boolean },
): Record<string, object> =>
  Object.fromEntries(
    Object.entries(paths).map(([path, item]) => [
      path,
      Object.fromEntries(
        Object.entries(item).map(([method, operation]: [string, Operation]) => [
          method,
          { ...operation, responses: { ...refusalsOf(operation, hasKeys), ...operation.responses } },
        ]),
      ),
    ]),
  )

const refusalsOf = ({ requestBody, security, parameters = [] }: Operation, hasKeys: boolean) => {
  const isOpen = Array.isArray(security) && security.length === 0
  return {
    ...(parameters.some((parameter) => parameter.in === 'query') ? queryRefusals : {}),
    ...(requestBody === undefined ? {} : bodyRefusals),
    ...(isOpen || !hasKeys ? {} : { 401: refusal('There is no API key, or none that is known here.') }),
  }
}

const refusal = (description: string) => ({
  description,
  content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
})

const queryRefusals = { 400: refusal('A query parameter is malformed, or none of this path.') }

const bodyRefusals = {
  400: refusal('The body is no JSON, or the request is malformed.'),
  413: refusal('The body is too large.'),
  415: refusal('The body is not said to be JSON, or is compressed.'),
}
