import protobuf from 'protobufjs'
import { fieldOf, fromJson, invalidJson } from './proto-json.ts'

// HTTP requests as messages, by the google.api.http annotations of the definitions
// (https://github.com/googleapis/googleapis/blob/master/google/api/http.proto).

const VERBS = ['get', 'put', 'post', 'delete', 'patch'] as const

/** One binding of a method, as the definitions have it: a verb with its path, and where the body goes. */
export type HttpBinding = Partial<Record<(typeof VERBS)[number], string>> & { body?: string }

interface Route {
  verb: string
  path: RegExp
  /** The request's fields that the parts of the path go to. */
  variables: string[]
  body: string
  method: protobuf.Method
}

/** A request that was understood: which method, with which message. */
export interface Transcoded {
  /** Full name of the service, without a leading dot. */
  service: string
  method: protobuf.Method
  request: protobuf.Message
}

export interface HttpRequest {
  verb: string
  /** Path and query. */
  url: string
  /** The body as it came; empty for none. */
  body: string
}

const escape = (text: string): string => text.replace(/[.\\^$|()[\]{}+?]/g, '\\$&')

/** `*` is one segment, `**` any number. A segment that ends the path has no colon: the verb would hide in it. */
const segments = (pattern: string, isLast: boolean): string =>
  escape(pattern).replace(/\*\*?/g, (star, at: number) => {
    if (star === '**') return '.+'
    return isLast && at === escape(pattern).length - 1 ? '[^/:]+' : '[^/]+'
  })

const compile = (template: string): { path: RegExp; variables: string[] } => {
  const variables: string[] = []
  const parts = template.split(/\{([^}]+)\}/)
  const source = parts.map((part, index) => {
    if (index % 2 === 0) return escape(part)
    const [variable = '', pattern = '*'] = part.split('=')
    variables.push(variable)
    const rest = parts.slice(index + 1).join('')
    return `(${segments(pattern, rest === '' || rest.startsWith(':'))})`
  })
  return { path: new RegExp(`^${source.join('')}$`), variables }
}

const bindingsOf = (method: protobuf.Method): HttpBinding[] => {
  const options = (method.parsedOptions ?? []) as Record<
    string,
    HttpBinding & { additional_bindings?: HttpBinding | HttpBinding[] }
  >[]
  const rule = options.map((option) => option['(google.api.http)']).find((found) => found !== undefined)
  return rule ? [rule, ...[rule.additional_bindings ?? []].flat()] : []
}

// Parameters that Google's front end takes with every method, https://cloud.google.com/apis/docs/system-parameters.
const SYSTEM_PARAMETERS: ReadonlySet<string> = new Set(
  'access_token alt callback fields key oauth_token prettyPrint quotaUser uploadType upload_protocol $.xgafv $alt $prettyPrint'.split(
    ' ',
  ),
)

const put = (json: Record<string, unknown>, path: string[], value: unknown): void => {
  const [key = '', ...rest] = path
  if (rest.length === 0) {
    json[key] = value
    return
  }
  const inner = json[key]
  const next = typeof inner === 'object' && inner !== null ? (inner as Record<string, unknown>) : {}
  json[key] = next
  put(next, rest, value)
}

/** The value of a query parameter, which is text whatever the field's type. */
const parameter = (type: protobuf.Type, name: string, values: string[]): unknown => {
  let at: protobuf.Type | null = type
  let field: protobuf.Field | undefined
  for (const key of name.split('.')) {
    field = at ? fieldOf(at, key) : undefined
    if (!field)
      throw invalidJson(
        `Unknown name ${JSON.stringify(name)}: Cannot bind query parameter. Field '${name}' could not be found in request message.`,
      )
    at = field.resolvedType instanceof protobuf.Type ? field.resolvedType : null
  }
  const typed = values.map((text) => (field?.type === 'bool' && /^(true|false)$/.test(text) ? text === 'true' : text))
  return field?.repeated ? typed : typed.at(-1)
}

const DEPTH_MAX = 100

const isDeeper = (json: unknown, levels: number): boolean =>
  typeof json === 'object' &&
  json !== null &&
  (levels === 0 || Object.values(json).some((inner) => isDeeper(inner, levels - 1)))

const parseBody = (body: string): unknown => {
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch (error) {
    throw invalidJson(error instanceof Error ? error.message : String(error))
  }
  if (isDeeper(json, DEPTH_MAX)) throw invalidJson('Message too deep. Max recursion depth reached.')
  return json
}

/** Knows the paths of some services. `extra` adds bindings to methods, by the methods' names. */
export class Transcoder {
  readonly #routes: Route[]

  constructor(services: readonly protobuf.Service[], extra: Readonly<Record<string, HttpBinding[]>> = {}) {
    this.#routes = services
      .flatMap((service) => service.methodsArray)
      .flatMap((method) =>
        [...bindingsOf(method), ...(extra[method.name] ?? [])].flatMap((binding) =>
          VERBS.flatMap((verb) => {
            const template = binding[verb]
            return template
              ? [{ verb: verb.toUpperCase(), ...compile(template), body: binding.body ?? '', method }]
              : []
          }),
        ),
      )
  }

  /** Undefined when no method has this path. Throws INVALID_ARGUMENT for a request that does not fit the method. */
  transcode({ verb, url, body }: HttpRequest): Transcoded | undefined {
    const [path = '', query = ''] = url.split('?', 2)
    for (const route of this.#routes) {
      const match = route.verb === verb ? route.path.exec(path) : null
      if (!match) continue
      route.method.resolve()
      const type = route.method.resolvedRequestType
      if (!type) return undefined
      const json: Record<string, unknown> = {}
      const parsed = route.body !== '' && body !== '' ? parseBody(body) : undefined
      if (route.body !== '' && route.body !== '*') {
        if (parsed !== undefined) json[route.body] = parsed
      } else if (parsed !== undefined) {
        if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) fromJson(type, parsed)
        Object.assign(json, parsed)
      }
      const parameters = new URLSearchParams(query)
      for (const name of new Set(parameters.keys())) {
        if (!SYSTEM_PARAMETERS.has(name)) put(json, name.split('.'), parameter(type, name, parameters.getAll(name)))
      }
      route.variables.forEach((variable, index) => put(json, variable.split('.'), decode(match[index + 1] ?? '')))
      const service = route.method.parent?.fullName.slice(1) ?? ''
      return { service, method: route.method, request: fromJson(type, json) }
    }
    return undefined
  }
}

const decode = (text: string): string => {
  try {
    return decodeURIComponent(text)
  } catch {
    throw invalidJson(`The path holds ${JSON.stringify(text)}, which is not percent-encoded text.`)
  }
}
