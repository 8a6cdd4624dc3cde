import { Failure, unread, type Outcome } from '../values/failure.ts'
import type { Path, RulesMap } from '../values/value.ts'
import type { DocumentAccesses, Lookup, RulesRequest, Service } from '../request.ts'

/** A query is given more than a single document, as recorded of production and its emulator. */
const queryAccessesMax = 20

/** Reads documents for the rules of one request, each once, up to what the request may. */
export class DocumentReader {
  readonly service: Service
  readonly #lookup: Lookup | null
  /** null: nothing is read at all. */
  readonly #accesses: DocumentAccesses | null
  readonly #limit: number

  constructor({ service, lookup, query }: RulesRequest, accesses: DocumentAccesses | null) {
    this.service = service
    this.#lookup = lookup ?? null
    this.#accesses = accesses
    this.#limit = Math.max(accesses?.limit ?? 0, query ? queryAccessesMax : 0)
  }

  /** `title` is the function's name in messages. Throws what the lookup throws. */
  get(title: string, path: Path, when: 'before' | 'after'): Outcome {
    return this.#read(title, path, when)
  }

  exists(title: string, path: Path, when: 'before' | 'after'): Outcome {
    const found = this.#read(title, path, when)
    return found instanceof Failure ? found : found !== null
  }

  #read(title: string, path: Path, when: 'before' | 'after'): RulesMap | null | Failure {
    if (this.#accesses === null) return unread
    const key = `${when}${path.toString()}`
    const { seen } = this.#accesses
    const known = seen.get(key)
    if (known !== undefined) return known
    if (seen.size >= this.#limit) return tooMany(title, path)
    const found = isDocument(path.segments) && this.#lookup ? this.#lookup(path.segments, when) : null
    seen.set(key, found)
    return found
  }
}

const isDocument = (segments: readonly string[]): boolean =>
  segments.length >= 5 && segments.length % 2 === 1 && segments[0] === 'databases' && segments[2] === 'documents'

/** Production's message, with the path as a protocol buffer in text. */
const tooMany = (title: string, { segments }: Path): Failure => {
  const texts = segments.map((segment) => `  segments {\n    simple: ${JSON.stringify(segment)}\n  }\n`)
  return new Failure(`Service call error. Function: [${title}], Argument: [path_value {\n${texts.join('')}}\n].`)
}
