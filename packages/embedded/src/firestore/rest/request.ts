import protobuf from 'protobufjs'
import { Code, StatusError } from '../../wire/status-error.ts'
import { groupOf, type HttpRule } from './http-rule.ts'
import { fieldOf, isPlain, readMessage } from './message-json.ts'
import { JsonMismatch, parseJson, readObject, type ParsedObject } from './well-known.ts'

const setPath = (json: ParsedObject, [name = '', ...rest]: readonly string[], value: unknown): void => {
  if (rest.length === 0) json[name] = value
  else setPath((json[name] ??= {}) as ParsedObject, rest, value)
}

/** Puts a query parameter where it belongs in the JSON of `type`; one that belongs nowhere is left out. */
const setParameter = (type: protobuf.Type, json: ParsedObject, path: string, values: readonly string[]): void => {
  const names: string[] = []
  let at: protobuf.Type | null = type
  let field: protobuf.Field | undefined
  for (const name of path.split('.')) {
    field = at ? fieldOf(at, name) : undefined
    if (!field) return
    names.push(field.name)
    at = field.resolvedType instanceof protobuf.Type && !field.repeated ? field.resolvedType : null
  }
  // A message has parameters for its fields, and none itself.
  if (at && isPlain(at)) return
  setPath(json, names, field?.repeated ? values : values.at(-1))
}

const mismatch = () => new StatusError(Code.INVALID_ARGUMENT, "Payload isn't valid for request.")

const bodyObject = (body: string): ParsedObject => (body.trim() === '' ? {} : readObject(parseJson(body)))

/**
 * The request that a call over HTTP stands for, from the groups of the path, the query and the body. Throws
 * INVALID_ARGUMENT.
 */
export const readRequest = (
  type: protobuf.Type,
  rule: HttpRule,
  groups: Record<string, string>,
  parameters: URLSearchParams,
  body: string,
): unknown => {
  try {
    const json: ParsedObject = rule.body === '*' ? bodyObject(body) : {}
    if (rule.body !== '*') {
      for (const name of new Set(parameters.keys())) setParameter(type, json, name, parameters.getAll(name))
      if (rule.body !== undefined) json[rule.body] = bodyObject(body)
    }
    rule.variables.forEach((variable, i) => setPath(json, variable.split('.'), groups[groupOf(i)]))
    return readMessage(type, json)
  } catch (error) {
    if (error instanceof JsonMismatch || error instanceof SyntaxError) throw mismatch()
    throw error
  }
}
