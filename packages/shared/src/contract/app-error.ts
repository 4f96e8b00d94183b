/** One place in a request that is wrong. `pointer` is a JSON Pointer (RFC 6901) into the body. */
export type ErrorPlace = { pointer: string; detail: string }

export type AppErrorCode = keyof typeof httpStatusOf

/** The HTTP status of every error that leaves the API, by its stable code. */
export const httpStatusOf = {
  malformed_json: 400,
  invalid_request: 400,
  unauthorized: 401,
  forbidden: 403,
  not_found: 404,
  model_not_found: 404,
  prediction_not_found: 404,
  delivery_not_found: 404,
  endpoint_not_found: 404,
  file_not_found: 404,
  batch_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  canceled: 409,
  file_in_use: 409,
  output_incomplete: 409,
  result_expired: 410,
  payload_expired: 410,
  body_too_large: 413,
  unsupported_media_type: 415,
  range_not_satisfiable: 416,
  expectation_failed: 417,
  invalid_input: 422,
  invalid_file: 422,
  version_not_found: 422,
  batches_off: 422,
  idempotency_key_reused: 422,
  backlog_full: 429,
  memory_full: 429,
  deliveries_full: 429,
  files_full: 429,
  batches_full: 429,
  too_many_connections: 429,
  headers_too_large: 431,
  too_many_open: 429,
  internal_error: 500,
  invalid_output: 500,
  inference_failed: 500,
  executor_crashed: 500,
  worker_lost: 500,
  rows_failed: 500,
  model_unavailable: 503,
  queue_unavailable: 503,
  outcome_unknown: 503,
  server_busy: 503,
  storage_full: 503,
  storage_unavailable: 503,
  timed_out: 504,
  expired: 504,
  wait_over: 504,
} as const

/** An error that the caller is told about. `message` says what happened and what to do, and never repeats an input. */
export class AppError extends Error {
  readonly code: AppErrorCode
  readonly places: ErrorPlace[]
  readonly retryAfterSeconds: number | undefined
  readonly headers: Record<string, string>
  readonly extra: Record<string, unknown>

  constructor(
    code: AppErrorCode,
    message: string,
    {
      places = [],
      retryAfterSeconds,
      headers = {},
      extra = {},
      cause,
    }: {
      places?: ErrorPlace[]
      retryAfterSeconds?: number
      headers?: Record<string, string>
      /** further members of the problem document */
      extra?: Record<string, unknown>
      cause?: unknown
    } = {},
  ) {
    super(message, { cause })
    this.name = 'AppError'
    this.code = code
    this.places = places
    this.retryAfterSeconds = retryAfterSeconds
    this.headers = headers
    this.extra = extra
  }
}
