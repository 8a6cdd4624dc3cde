// What the fold is measured against: the same client, agents of the same form, no fold around them.
import { FieldPath, type Firestore, type Timestamp } from '@google-cloud/firestore'
import { AgentDocument, parseEvent } from '@infinity-matrix/contracts'
import { fold, type Delivery } from '@infinity-matrix/core/fleet'
import { differenceOf } from '../../functions/src/runtime/difference.ts'
import type { Batches } from '../../functions/src/runtime/batches.ts'
import type { Report } from './load.ts'

const deliveryOf = (json: Report): Delivery => {
  const parsed = parseEvent(json, Date.now())
  if (!parsed.ok) throw new Error(parsed.problem.rule)
  return { event: parsed.value, raw: JSON.stringify(json), publishedAt: new Date().toISOString() }
}

/** What a fold of one event writes of an agent that is stored, made beforehand: paths and values. */
export const updatesOf = async (firestore: Firestore, reports: readonly Report[]) => {
  const agents = reports.map(({ subject }) => firestore.doc(subject))
  const snapshots = await firestore.getAll(...agents)
  return reports.map((report, index) => {
    const before = AgentDocument.parse(snapshots[index]?.data())
    const after = fold({ document: before, parkedElsewhere: [] }, [deliveryOf(report)], Date.now()).agent?.document
    const difference = differenceOf(before, after ?? before)
    const pairs = difference.fieldPaths.map((path): [FieldPath, unknown] => {
      const names = path.split('.')
      const value = names.reduce<unknown>((map, name) => (map as Record<string, unknown>)[name], difference.fields)
      return [new FieldPath(...names), value]
    })
    return { path: report.subject, agent: firestore.doc(report.subject), difference, pairs }
  })
}
type Update = Awaited<ReturnType<typeof updatesOf>>[number]

const repeated = async (
  updates: readonly Update[],
  requests: number,
  once: (some: readonly Update[]) => Promise<unknown>,
) => {
  // Two halves in turn, two requests at a time, as the fold has two commits under way and an agent in one of them only.
  const half = updates.length / 2
  const halves = [updates.slice(0, half), updates.slice(half)]
  await Promise.all(
    halves.map(async (some) => {
      for (let i = 0; i < requests / 2; i++) await once(some)
    }),
  )
}

type Write = (some: readonly Update[], times: readonly (Timestamp | undefined)[]) => Promise<unknown>

/** `getAll`, the documents' data, and what `write` does with the same documents under the precondition of that read. */
const readAndWrite = (firestore: Firestore, write: Write) => async (some: readonly Update[]) => {
  const snapshots = await firestore.getAll(...some.map(({ agent }) => agent))
  for (const snapshot of snapshots) snapshot.data()
  await write(
    some,
    snapshots.map(({ updateTime }) => updateTime),
  )
}

// `update` takes paths and values by turns.
type UpdateArguments = [FieldPath, unknown, ...unknown[]]
const argumentsOf = ({ pairs }: Update, lastUpdateTime: Timestamp | undefined) =>
  [...pairs.flat(), { lastUpdateTime }] as unknown as UpdateArguments

/** The ceiling: `getAll` and a `WriteBatch`. */
export const byWriteBatch = (firestore: Firestore, updates: readonly Update[], requests: number) =>
  repeated(
    updates,
    requests,
    readAndWrite(firestore, async (some, times) => {
      const batch = firestore.batch()
      some.forEach((update, index) => batch.update(update.agent, ...argumentsOf(update, times[index])))
      await batch.commit()
    }),
  )

/** The same by `BulkWriter`, whose writes stand each for itself, as the fold needs them. */
export const byBulkWriter = (firestore: Firestore, updates: readonly Update[], requests: number) =>
  repeated(
    updates,
    requests,
    readAndWrite(firestore, async (some, times) => {
      const writer = firestore.bulkWriter({ throttling: false })
      some.forEach((update, index) => void writer.update(update.agent, ...argumentsOf(update, times[index])))
      await writer.close()
    }),
  )

/** The two requests that the fold makes, and nothing else. */
export const byBatches = (batches: Batches, updates: readonly Update[], requests: number) =>
  repeated(updates, requests, async (some) => {
    const documents = await batches.readAll(some.map(({ path }) => path))
    await batches.writeAll(
      some.map(({ path, difference }, index) => {
        const after = documents[index]?.updateTime
        return { path, ...difference, ...(after ? { after } : {}) }
      }),
    )
  })

/** What one writes first: read the agent, fold the event, write the agent and a history entry, in a transaction. */
export const transactionEach = (firestore: Firestore, report: Report) => {
  const agent = firestore.collection('naive').doc(report.subject.replace('/', '-'))
  const delivery = deliveryOf(report)
  return firestore.runTransaction(async (transaction) => {
    const stored: unknown = (await transaction.get(agent)).data()
    const before = stored === undefined ? undefined : { document: AgentDocument.parse(stored), parkedElsewhere: [] }
    const folded = fold(before, [delivery], Date.now())
    if (!folded.changed || !folded.agent) return
    transaction.set(agent, folded.agent.document)
    transaction.set(agent.collection('history').doc(String(report.sequence)), report)
  })
}
