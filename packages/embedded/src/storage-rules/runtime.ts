import {
  DocumentAccesses,
  Timestamp,
  compileRules,
  type Decision,
  type Issue,
  type Method,
  type RulesMap,
  type Ruleset,
} from '../rules/index.ts'
import { documentOf, rulesMapOf, rulesValueOf, type ExpressionValue, type JsonValue } from './values.ts'

// The protocol is that of firebase-tools, `src/emulator/storage/rules/{runtime,types}.ts`.

interface LoadRuleset {
  readonly action: 'load_ruleset'
  readonly id: number
  readonly context: {
    readonly rulesetName: string
    readonly source: { readonly files: readonly { readonly name: string; readonly content: string }[] }
  }
}

interface Verify {
  readonly action: 'verify'
  readonly id: number
  readonly context: {
    readonly rulesetName: string
    readonly path: string
    readonly method: string
    /** In a list: what ends the name of a folder. Without it, all that lies below is listed. */
    readonly delimiter?: string
    readonly variables: {
      readonly resource?: ExpressionValue
      readonly request?: { readonly map_value: { readonly fields: Readonly<Record<string, ExpressionValue>> } }
    }
  }
}

/** The CLI's answer when it was asked for a document. */
interface Fetched {
  readonly id: number
  readonly status: string
  readonly result?: { readonly fields?: Readonly<Record<string, JsonValue>> }
}

interface Unknown {
  readonly action: string
  readonly id: number
}

type Message = LoadRuleset | Verify | Unknown | (Fetched & { readonly action?: undefined })

/** A request of the CLI that waits for documents of Firestore. */
interface Pending {
  readonly decide: (documents: ReadonlyMap<string, RulesMap | null>) => Decision
  readonly documents: Map<string, RulesMap | null>
  /** The document that was asked for last. */
  wanted: readonly string[]
}

/** Thrown out of a decision that needs a document which is not there yet. */
class Wanted extends Error {
  readonly path: readonly string[]
  constructor(path: readonly string[]) {
    super(`needs ${path.join('/')}`)
    this.path = path
  }
}

const METHODS: Readonly<Record<string, Method>> = {
  get: 'get',
  list: 'list',
  create: 'create',
  update: 'update',
  delete: 'delete',
  // What `allow read` and `allow write` are about, where the CLI does not tell which.
  read: 'get',
  write: 'create',
}
// Production lets storage rules read two documents of Firestore for a request.
const DOCUMENTS_MAX = 2

const asMethod = (method: string): Method => {
  const known = Object.hasOwn(METHODS, method) ? METHODS[method] : undefined
  if (!known) throw new TypeError(`no method: ${method}`)
  return known
}

/** An issue as the CLI reads it: the JSON of an object of Google's runtime. */
const formatIssue = (file: string, { severity, description, position }: Issue): string =>
  JSON.stringify({
    severity_: severity,
    description_: description,
    sourcePosition_: { fileName_: file, line_: position?.line ?? 0, column_: position?.column ?? 0 },
  })

const answer = (id: number, result: object, warnings: readonly string[] = [], errors: readonly string[] = []) => ({
  id,
  // The CLI waits forever for an answer that is not `ok`; what went wrong stands in `errors`.
  status: 'ok',
  result,
  warnings,
  errors,
})

/** Decides what the Storage emulator of the Firebase CLI asks, message by message, by the storage rules it has loaded. */
export class StorageRulesRuntime {
  readonly #rulesets = new Map<string, Ruleset>()
  readonly #pending = new Map<number, Pending>()

  /** The answer to one message of the CLI. Anything that is wrong with it is in the answer's `errors`. */
  handle(message: Message): object {
    try {
      switch (message.action) {
        case 'load_ruleset':
          return this.#load(message as LoadRuleset)
        case 'verify':
          return this.#verify(message as Verify)
        case undefined:
          return this.#fetched(message)
        default:
          throw new TypeError(`unknown action ${message.action}`)
      }
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      return answer(message.id, {}, [], [`Invalid request to the storage rules runtime: ${reason}`])
    }
  }

  #load({ id, context }: LoadRuleset): object {
    const [file] = context.source.files
    if (!file) throw new TypeError('no file of rules')
    const { ruleset, issues } = compileRules(file.content)
    const texts = (severity: Issue['severity']): string[] =>
      issues.filter((issue) => issue.severity === severity).map((issue) => formatIssue(file.name, issue))
    if (ruleset) this.#rulesets.set(context.rulesetName, ruleset)
    return answer(id, { rulesVersion: Number(ruleset?.version ?? 1) }, texts('WARNING'), texts('ERROR'))
  }

  #verify({ id, context }: Verify): object {
    const ruleset = this.#rulesets.get(context.rulesetName)
    if (!ruleset) throw new TypeError(`no ruleset of the name ${context.rulesetName}`)
    const method = asMethod(context.method)
    const { resource, auth, time } = context.variables.request?.map_value.fields ?? {}
    const now = time && rulesValueOf(time)
    const request = {
      service: 'firebase.storage' as const,
      method,
      path: context.path.split('/').filter((segment) => segment !== ''),
      ...(method === 'list' && {
        folder: context.delimiter === undefined ? ('descendants' as const) : ('children' as const),
      }),
      auth: rulesMapOf(auth),
      time: now instanceof Timestamp ? now : Timestamp.fromMillis(Date.now()),
      resource: rulesMapOf(context.variables.resource),
      requestResource: rulesMapOf(resource),
    }
    const decide: Pending['decide'] = (documents) =>
      ruleset.decide({
        ...request,
        accesses: new DocumentAccesses(DOCUMENTS_MAX),
        lookup: (path) => {
          const document = documents.get(path.join('/'))
          if (document === undefined) throw new Wanted(path)
          return document
        },
      })
    return this.#decide(id, { decide, documents: new Map(), wanted: [] })
  }

  #decide(id: number, pending: Pending): object {
    try {
      const { allowed, reasons } = pending.decide(pending.documents)
      const failures = allowed ? [] : reasons.filter(({ kind }) => kind === 'error')
      return answer(
        id,
        { permit: allowed },
        failures.map(({ message, method, line }) => `${message} for '${method}' @ L${line}`),
      )
    } catch (error) {
      if (!(error instanceof Wanted)) throw error
      pending.wanted = error.path
      this.#pending.set(id, pending)
      const context = { path: `/${error.path.join('/')}` }
      return {
        action: 'fetch_firestore_document',
        server_request_id: id,
        status: 'ok',
        context,
        warnings: [],
        errors: [],
      }
    }
  }

  #fetched({ id, status, result }: Fetched): object {
    const pending = this.#pending.get(id)
    if (!pending) throw new TypeError('nothing waits for this document')
    this.#pending.delete(id)
    const { wanted, documents } = pending
    if (status !== 'ok' && status !== 'not_found') throw new TypeError('a document could not be read')
    documents.set(wanted.join('/'), status === 'ok' && result ? documentOf(wanted, result.fields ?? {}) : null)
    return this.#decide(id, pending)
  }
}
