import { isUtf8 } from 'node:buffer'
import type { Context } from 'hono'
import type { z } from 'zod'
import { RequestProblem } from './problem.ts'

interface BodyLimits {
  /** Media types that are taken, in lower case. */
  mediaTypes: readonly string[]
  bytesMax: number
}

/** The media type of a request, in lower case and without its parameters; empty when there is none. */
export const mediaTypeOf = (request: Context): string =>
  (request.req.header('content-type') ?? '').split(';', 1).join('').trim().toLowerCase()

/**
 * A request's body as text.
 *
 * @throws {RequestProblem} 415 for another media type, 413 when it is too large, 400 when it is not UTF-8
 */
export const readText = async (request: Context, { mediaTypes, bytesMax }: BodyLimits): Promise<string> => {
  if (!mediaTypes.includes(mediaTypeOf(request))) {
    const rule = `must be one of ${mediaTypes.join(', ')}`
    throw new RequestProblem(415, { errors: [{ field: 'content-type', rule }] }, { accept: mediaTypes.join(', ') })
  }
  const bytes = Buffer.from(await request.req.arrayBuffer())
  if (bytes.length > bytesMax)
    throw new RequestProblem(413, {
      detail: `A body is at most ${bytesMax} bytes, and this one has ${bytes.length}.`,
      limit: bytesMax,
      value: bytes.length,
    })
  // Node replaces bytes that are not UTF-8; the sender must rather know.
  if (!isUtf8(bytes)) throw notValid(400, [{ field: '', rule: 'must be UTF-8' }])
  return bytes.toString('utf8')
}

/**
 * A request's body, parsed by a schema whose messages are rules.
 *
 * @throws {RequestProblem} as `readText`, 400 when it is not JSON, and 422 when it breaks the schema, with each field
 */
export const readJson = async <T>(request: Context, schema: z.ZodType<T>, limits: BodyLimits): Promise<T> =>
  parseRequest(schema, parseJson(await readText(request, limits)), 422)

/**
 * A request's query, each parameter once, parsed by a schema.
 *
 * @throws {RequestProblem} 400 when it breaks the schema, with each field
 */
export const readQuery = <T>(request: Context, schema: z.ZodType<T>): T =>
  parseRequest(schema, request.req.query(), 400)

const parseRequest = <T>(schema: z.ZodType<T>, input: unknown, status: number): T => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), rule: message }))
  throw notValid(status, errors)
}

/** @throws {RequestProblem} 400 */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    throw notValid(400, [{ field: '', rule: 'must be JSON (RFC 8259)' }])
  }
}

const notValid = (status: number, errors: { field: string; rule: string }[]) =>
  new RequestProblem(status, { detail: 'The request breaks the rules that are listed.', errors })
