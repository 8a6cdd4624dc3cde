import { inspect, isDeepStrictEqual } from 'node:util'
import { startFirestoreEngine, type FirestoreEngine } from '../index.ts'
import { JsonClient } from './client.ts'
import { exceptions } from './exceptions.ts'

/** Where an answer is not the recorded one: in which step of the case ('' for the whole), and how. */
export interface Difference {
  readonly step: string
  readonly detail: string
}

/** One recorded question with its answer. */
export interface OracleCase {
  readonly name: string
  /** Asks the engine, and gives what it answers otherwise than recorded. Rejects when it cannot be asked. */
  readonly play: (stage: Stage) => Promise<readonly Difference[]>
}

/** A recording: its cases are played in order on one engine, which is theirs alone. */
export interface OracleFile {
  /** Of the file, without `.json`. */
  readonly name: string
  readonly cases: readonly OracleCase[]
}

/** An engine of its own, and clients of it. */
export class Stage {
  readonly firestore: FirestoreEngine
  readonly address: string
  /** Asks as the administrator. */
  readonly owner: JsonClient
  /** Asks without a token. */
  readonly user: JsonClient
  readonly #prepared = new Map<string, Promise<unknown>>()

  private constructor(firestore: FirestoreEngine) {
    this.firestore = firestore
    this.address = `${firestore.host}:${firestore.port}`
    this.owner = new JsonClient(this.address)
    this.user = new JsonClient(this.address, '')
  }

  /** The clock never stands at a full millisecond, so that a server timestamp is told from the commit time. */
  static async open(clock = () => Date.now() + 0.789): Promise<Stage> {
    return new Stage(await startFirestoreEngine({ clock }))
  }

  /** What several cases need, made once. */
  once<T>(what: string, make: () => Promise<T>): Promise<T> {
    const made = this.#prepared.get(what) ?? make()
    this.#prepared.set(what, made)
    return made as Promise<T>
  }

  async close(): Promise<void> {
    this.owner.close()
    this.user.close()
    await this.firestore.close()
  }
}

/** What is different about an answer: nothing, or one thing. */
export const differences = (actual: unknown, recorded: unknown, step = ''): Difference[] => {
  if (isDeepStrictEqual(actual, recorded)) return []
  const show = (value: unknown) => inspect(value, { depth: 10, breakLength: 120 })
  return [{ step, detail: `answered ${show(actual)}\nrecorded ${show(recorded)}` }]
}

export interface Verdict {
  readonly outcome: 'passed' | 'failed' | 'excepted'
  readonly detail: string
}

/**
 * Judges a case by its differences. It is excepted when each of them, and nothing else, is listed in `listed` with a
 * reason: an exception that agrees after all is a failure, too.
 */
export const judge = (
  file: string,
  name: string,
  found: readonly Difference[],
  listed: Readonly<Record<string, string>> = exceptions,
): Verdict => {
  const key = `${file}: ${name}`
  const keyOf = ({ step }: Difference) => (step === '' ? key : `${key}: ${step}`)
  const differing = new Set(found.map(keyOf))
  const unlisted = found.filter((difference) => listed[keyOf(difference)] === undefined)
  const stale = Object.keys(listed).filter((one) => (one === key || one.startsWith(`${key}: `)) && !differing.has(one))
  if (unlisted.length > 0) {
    const detail = unlisted.map((difference) => `${keyOf(difference)}\n${difference.detail}`).join('\n')
    return { outcome: 'failed', detail }
  }
  if (stale.length > 0)
    return { outcome: 'failed', detail: `agrees, though listed as an exception: ${stale.join(', ')}` }
  if (found.length === 0) return { outcome: 'passed', detail: '' }
  return { outcome: 'excepted', detail: [...differing].map((one) => `${one}: ${listed[one]}`).join('\n') }
}
