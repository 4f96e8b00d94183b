import { z } from 'zod'
import { curlCommand } from './curl-command.ts'
import type { DocumentedModel } from './openapi-model-paths.ts'
import { hasPlainAnswer, plainAnswerSchema } from '../dialects/plain/plain-answer.ts'

/** `POST /predict` as it is for the default model; the schemas of the model are components of the document. */
export const plainPath = (
  card: DocumentedModel,
  { publicUrl, hasKeys }: { publicUrl: string; hasKeys: boolean },
) => {
  const output = { $ref: `#/components/schemas/${card.model}.Output` }
  const example = card.example ?? undefined
  const command =
    example === undefined ? '' : curlCommand({ url: `${publicUrl}/predict`, body: example, hasKeys })
  return {
    '/predict': {
      post: {
        operationId: 'plainPredict',
        tags: ['Plain service'],
        summary: `The answer of ${card.model}, the default model`,
        description: `ONQUEUE_DEFAULT_MODEL names it. 503 while it is loaded nowhere.\n\n\`\`\`sh\n${command}\n\`\`\``,
        requestBody: {
          required: true,
          content: {
            'application/json': { schema: { $ref: `#/components/schemas/${card.model}.Input` }, example },
          },
        },
        responses: {
          200: {
            description: 'The answer.',
            content: { 'application/json': { schema: hasPlainAnswer(card) ? answerSchema : output } },
          },
          default: { $ref: '#/components/responses/Problem' },
        },
      },
    },
  }
}

const { $schema: _dialect, ...answerSchema } = z.toJSONSchema(plainAnswerSchema)
