import { context, type Context } from '../../functions/src/runtime/context.ts'
import { readMessage } from '../../functions/src/runtime/on-event.ts'
import { createAgentFold } from '../../functions/src/fleet/fold/agent-fold.ts'
import { createWindows } from '../../functions/src/fleet/fold/windows.ts'
import { bodyOf, deliver, fleetOf, type Handler, type Report } from '../fold/load.ts'
import { inTurns, type Contender } from '../fold/turns.ts'
import { row, type Row } from '../measure.ts'
import { startServer } from '../start-server.ts'

const agentCount = 500
const count = { single: 5000, batched: 200 }
const inFlight = { single: 500, batched: 100 }
// What is looked for is less than one round differs from another.
const rounds = 9
const reference = { agentsPerMessage: 5, perAgent: 20 }

/** A function instance from a message's bytes on, that records what it folds or does not. */
const instance = (shared: Context, isRecording: boolean): Handler => {
  const window = createAgentFold(shared, isRecording ? createWindows(shared) : undefined)
  return async ({ data: { message } }) => {
    const bytes = Buffer.from(message.data, 'base64')
    const { events } = readMessage(bytes, shared.nowMs())
    const deliveries = events.map((received) => Object.assign(received, { publishedAt: message.publishTime }))
    const results = await window.submitAll(deliveries, bytes.length)
    const failed = results.find(({ status }) => status === 'rejected')
    if (failed?.status === 'rejected') throw failed.reason
  }
}

/** Folding with and without its record in the ledger, in turns against one Firestore engine. Its bar: under 10% less. */
export const foldOverhead = async (): Promise<Row[]> => {
  const [firestore, pubsub] = [await startServer('firestore'), await startServer('pubsub')]
  Object.assign(process.env, {
    GCLOUD_PROJECT: 'demo-bench',
    FIRESTORE_EMULATOR_HOST: firestore.address,
    PUBSUB_EMULATOR_HOST: pubsub.address,
  })
  const shared = await context()
  const contender = (name: keyof typeof count, isRecording: boolean): Contender => {
    const handler = instance(shared, isRecording)
    const fleet = fleetOf(`${name}-${isRecording ? 'recorded' : 'bare'}`, agentCount)
    const { agentsPerMessage, perAgent } = reference
    const next = () =>
      name === 'single' ? fleet.single(count.single) : fleet.batched(count.batched, agentsPerMessage, perAgent)
    let made: Report[][] = []
    return {
      prepare: () => {
        made = next()
      },
      play: () => deliver(handler, made.map(bodyOf), inFlight[name]),
      count: () => ({ events: made.flat().length, documents: 0 }),
    }
  }
  try {
    const contenders = {
      singleRecorded: contender('single', true),
      single: contender('single', false),
      batchedRecorded: contender('batched', true),
      batched: contender('batched', false),
    }
    const rates = await inTurns(contenders, rounds)
    return [
      row(
        'bar 0.9: events folded and recorded, one a message',
        rates.singleRecorded.eventsPerSecond,
        '/s',
        rates.single.eventsPerSecond,
      ),
      row('... per core', rates.singleRecorded.eventsPerCoreSecond, '/s', rates.single.eventsPerCoreSecond),
      row(
        'bar 0.9: events folded and recorded, 100 a message, 20 an agent',
        rates.batchedRecorded.eventsPerSecond,
        '/s',
        rates.batched.eventsPerSecond,
      ),
      row('... per core', rates.batchedRecorded.eventsPerCoreSecond, '/s', rates.batched.eventsPerCoreSecond),
    ]
  } finally {
    await Promise.all([shared.firestore.terminate(), shared.batches.close(), shared.pubsub.close()])
    await Promise.all([firestore.stop(), pubsub.stop()])
  }
}
