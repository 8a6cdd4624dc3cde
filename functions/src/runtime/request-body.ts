import { isUtf8 } from 'node:buffer'
import {
  deadLetterName,
  isNestedDeeper,
  jsonDepthMax,
  parseJson,
  type Parsed,
  type Problem,
} from '@infinity-matrix/contracts'
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
 * A request's body as it came.
 *
 * @throws {RequestProblem} 415 for another media type, 413 when it is too large
 */
export const readBytes = async (request: Context, { mediaTypes, bytesMax }: BodyLimits): Promise<Uint8Array> => {
  if (!mediaTypes.includes(mediaTypeOf(request))) {
    const accept = mediaTypes.join(', ')
    throw new RequestProblem(415, { errors: [{ field: 'content-type', rule: `must be one of ${accept}` }] }, { accept })
  }
  const bytes = new Uint8Array(await request.req.arrayBuffer())
  if (bytes.length > bytesMax)
    throw new RequestProblem(413, {
      detail: `A body is at most ${bytesMax} bytes, and this one has ${bytes.length}.`,
      limit: bytesMax,
      value: bytes.length,
    })
  return bytes
}

/** The text of a body. Node replaces bytes that are not UTF-8; the sender must rather know. */
export const textOf = (bytes: Uint8Array): Parsed<string> =>
  isUtf8(bytes)
    ? { ok: true, value: Buffer.from(bytes).toString('utf8') }
    : { ok: false, problem: { code: 'not-json', field: '', rule: 'must be UTF-8' } }

/** JSON that is nested deeper than `jsonDepthMax`, which is looked at before it is parsed. */
export const nestedTooDeep: Problem = {
  code: 'bad-envelope',
  field: '',
  rule: `must be nested at most ${jsonDepthMax} deep`,
}

/**
 * A request's body as text.
 *
 * @throws {RequestProblem} as `readBytes`, and 400 when it is not UTF-8
 */
export const readText = async (request: Context, limits: BodyLimits): Promise<string> => {
  const text = textOf(await readBytes(request, limits))
  if (!text.ok) throw notValid(400, [text.problem])
  return text.value
}

/**
 * A request's body, parsed by a schema whose messages are rules.
 *
 * @throws {RequestProblem} as `readText`, 400 when it is not JSON, and 422 when it breaks the schema, with each field
 */
export const readJson = async <T>(request: Context, schema: z.ZodType<T>, limits: BodyLimits): Promise<T> => {
  const text = await readText(request, limits)
  if (isNestedDeeper(text, jsonDepthMax)) throw notValid(400, [nestedTooDeep])
  const body = parseJson(text)
  if (!body.ok) throw notValid(400, [body.problem])
  return parseWith(schema, body.value, 422)
}

/**
 * A request's query, each parameter once, parsed by a schema.
 *
 * @throws {RequestProblem} 400 when it breaks the schema, with each field
 */
export const readQuery = <T>(request: Context, schema: z.ZodType<T>): T => parseWith(schema, request.req.query(), 400)

/**
 * What a request's path names.
 *
 * @throws {RequestProblem} 404 for what can name nothing
 */
export const nameIn = (request: Context, parameter = 'id'): string => {
  const name = request.req.param(parameter) ?? ''
  if (!deadLetterName.test(name)) throw new RequestProblem(404)
  return name
}

const parseWith = <T>(schema: z.ZodType<T>, input: unknown, status: number): T => {
  const parsed = schema.safeParse(input)
  if (parsed.success) return parsed.data
  const errors = parsed.error.issues.map(({ path, message }) => ({ field: path.join('.'), rule: message }))
  throw notValid(status, errors)
}

/** A request that breaks rules, each with its field. */
export const notValid = (status: number, errors: readonly { field: string; rule: string }[]): RequestProblem =>
  new RequestProblem(status, {
    detail: 'The request breaks the rules that are listed.',
    errors: errors.map(({ field, rule }) => ({ field, rule })),
  })
