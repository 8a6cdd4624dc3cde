import type protobuf from 'protobufjs'

/** One way to call a method over HTTP, from its `google.api.http` annotation (google/api/http.proto). */
export interface HttpRule {
  readonly httpMethod: string
  /** Matches a decoded path, and takes from it, as groups named by `groupOf`, the values of `variables`. */
  readonly path: RegExp
  /** Field paths of the request, in camel case. */
  readonly variables: readonly string[]
  /** The field that the body is; `*` for the whole request, undefined where there is none. */
  readonly body: string | undefined
}

/** The name of the group that holds the value of a variable. */
export const groupOf = (variable: number): string => `v${variable}`

const VERBS = ['get', 'put', 'post', 'delete', 'patch'] as const

type Binding = Partial<Record<(typeof VERBS)[number] | 'body', string>>

const camel = (path: string): string => path.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase())

const SEGMENTS = /\/\*\/\*\*|\/\*\*|\*/g

// In `projects/*` and the like a star is one segment, two are any number of them. Segments may be empty, so that the
// method can say what is wrong with a name. One star and then two are meant for a document; what is listed is told
// from a document by the length of its path alone, and so must have a parent of that length.
const pattern = (template: string, isListed: boolean): string =>
  template.replaceAll(SEGMENTS, (stars) => {
    if (stars === '*') return '[^/]*'
    if (stars === '/**') return '(?:/.*)?'
    return isListed ? '(?:/[^/]+/[^/]+)+' : '/.*'
  })

const VARIABLE = /\{([^=}]+)(?:=([^}]+))?\}/g

const ruleOf = (binding: Binding): HttpRule => {
  const verb = VERBS.find((one) => binding[one] !== undefined)
  if (!verb) throw new Error('a rule without a path')
  const template = binding[verb] as string
  const isListed = verb === 'get' && template.endsWith('{collection_id}')
  const variables: string[] = []
  let source = ''
  let end = 0
  for (const match of template.matchAll(VARIABLE)) {
    source += `${template.slice(end, match.index)}(?<${groupOf(variables.length)}>${pattern(match[2] ?? '*', isListed)})`
    variables.push(camel(match[1] as string))
    end = match.index + match[0].length
  }
  const path = new RegExp(`^${source}${template.slice(end)}$`.replace('/v1/', '/v1(?:beta1)?/'), 's')
  return { httpMethod: verb.toUpperCase(), path, variables, body: binding.body }
}

/** The ways in which a method is called over HTTP. */
export const httpRules = (method: protobuf.Method): HttpRule[] => {
  const options = (method.parsedOptions ?? []) as Record<string, Binding & { additional_bindings?: Binding }>[]
  const binding = options.map((option) => option['(google.api.http)']).find((one) => one !== undefined)
  if (!binding) return []
  const { additional_bindings: more, ...first } = binding
  return [first, ...(more ? [more] : [])].map(ruleOf)
}
