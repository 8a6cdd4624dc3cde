import { randomInt } from 'node:crypto'
import {
  collections,
  LedgerEntry,
  ledgerEntryBytesMax,
  ledgerIntakeShards,
  sealTopic,
} from '@infinity-matrix/contracts'
import { canonicalJson } from '@infinity-matrix/core/canonical-json'
import type { Transaction, WriteBatch } from '@google-cloud/firestore'
import { originOf } from './acting.ts'
import { once, type Context } from './context.ts'
import { messageOf } from './failure.ts'
import { log } from './log.ts'
import { publish } from './publish.ts'

/** What is to be recorded, as the place where it happens knows it; by whom, where that is not who acts here. */
export type Happening = Pick<LedgerEntry, 'kind' | 'action' | 'tenant' | 'subject' | 'outcome'> &
  Partial<Pick<LedgerEntry, 'id' | 'actor' | 'reason' | 'trace' | 'details' | 'commitments'>>

/** The control plane acting by itself, as one of its functions. */
export const controlPlaneActor = (name: string): LedgerEntry['actor'] => ({ kind: 'control-plane', id: name })

/** An entry as it is sealed: its canonical JSON. @throws ZodError where it is none, RangeError where it is too large */
const entryOf = ({ nowMs, newId }: Context, happening: Happening): string => {
  const text = canonicalJson(
    LedgerEntry.parse({
      version: 1,
      id: newId(),
      time: new Date(nowMs()).toISOString(),
      reason: null,
      details: {},
      commitments: {},
      ...originOf(),
      ...happening,
    } satisfies LedgerEntry),
  )
  const bytes = Buffer.byteLength(text)
  if (bytes > ledgerEntryBytesMax)
    throw new RangeError(`an entry of the ledger has at most ${ledgerEntryBytesMax} bytes, and this one has ${bytes}`)
  return text
}

/** The document that appends entries, to be written together with what they tell. */
export const intakeWrite = (context: Context, happenings: readonly Happening[]) =>
  intakeOf(
    context,
    happenings.map((happening) => entryOf(context, happening)),
  )

const intakeOf = (context: Context, entries: readonly string[]) => {
  const shard = randomInt(ledgerIntakeShards).toString(16).padStart(2, '0')
  return {
    path: `${collections.ledgerIntake}/${shard}-${context.newId()}`,
    fields: { appendedAt: new Date(context.nowMs()).toISOString(), entries: [...entries] },
  }
}

/**
 * Appends entries in the transaction, or the batch, of what they tell: both are written, or neither. Once it is
 * committed, `sealSoon` is to be called.
 */
export const recordIn = (
  context: Context,
  transaction: Pick<Transaction | WriteBatch, 'create'>,
  happenings: readonly Happening[],
): void => {
  if (happenings.length === 0) return
  const { path, fields } = intakeWrite(context, happenings)
  transaction.create(context.firestore.doc(path), fields)
}

/** A transaction that records what it does. `work` may run more than once, and reads before it writes. */
export const recorded = async <T>(
  context: Context,
  work: (transaction: Transaction, record: (happening: Happening) => void) => Promise<T> | T,
): Promise<T> => {
  const result = await context.firestore.runTransaction(async (transaction) => {
    const happenings: Happening[] = []
    const value = await work(transaction, (happening) => void happenings.push(happening))
    recordIn(context, transaction, happenings)
    return { value, hasRecorded: happenings.length > 0 }
  })
  if (result.hasRecorded) await sealSoon(context)
  return result.value
}

// Whoever was woken stays awake for longer than this.
const wakeMsMin = 1000
const wokenAtMs = once(() => ({ last: 0 }))

/** Wakes the sealer, so that what is appended is sealed within two seconds. Where it fails, a tick does it within a minute. */
export const sealSoon = async (context: Context): Promise<void> => {
  const woken = wokenAtMs(undefined)
  if (context.nowMs() - woken.last < wakeMsMin) return
  woken.last = context.nowMs()
  try {
    await publish(context, sealTopic, { data: Buffer.from('{}') })
  } catch (error) {
    log.warn('sealer not woken', { error: messageOf(error) })
  }
}

// As many as fit a document of 1 MiB with room to spare.
const entriesPerWriteMax = 250

/** Appends what has no transaction of its own; entries that come while a write is under way share the next one. */
const createRecorder = (context: Context) => {
  let waiting: { entries: readonly string[]; written: (outcome: Promise<void>) => void }[] = []
  let isWriting = false

  /** The callers whose entries go into the next document. */
  const take = () => {
    let entries = 0
    const tooMany = waiting.findIndex((one, index) => (entries += one.entries.length) > entriesPerWriteMax && index > 0)
    const taken = tooMany === -1 ? waiting : waiting.slice(0, tooMany)
    waiting = waiting.slice(taken.length)
    return taken
  }

  const write = async (entries: readonly string[]): Promise<void> => {
    const { path, fields } = intakeOf(context, entries)
    await context.firestore.doc(path).create(fields)
  }

  const writeAll = async (): Promise<void> => {
    isWriting = true
    while (waiting.length > 0) {
      const taken = take()
      const outcome = write(taken.flatMap(({ entries }) => entries))
      for (const { written } of taken) written(outcome)
      await outcome.catch(() => undefined)
    }
    isWriting = false
  }

  return async (happenings: readonly Happening[]): Promise<void> => {
    if (happenings.length === 0) return
    const entries = happenings.map((happening) => entryOf(context, happening))
    await new Promise<void>((resolve, reject) => {
      waiting.push({ entries, written: (outcome) => void outcome.then(resolve, reject) })
      if (!isWriting) void writeAll()
    })
    await sealSoon(context)
  }
}

const recorder = once(createRecorder)

/**
 * Appends entries of what has no transaction of its own, such as a read: it resolves when they are stored, so whoever
 * answers after that has left a trace.
 *
 * @throws what Firestore throws: nothing is known to be appended then
 */
export const record = (context: Context, happenings: readonly Happening[]): Promise<void> =>
  recorder(context)(happenings)
