import { setTimeout as delay } from 'node:timers/promises'
import { Firestore } from '@google-cloud/firestore'
import { collections, ledgerIntakeShards } from '@infinity-matrix/contracts'
import { v7 as uuidv7 } from 'uuid'
import { createIntake, somewhereInIntake } from '../../functions/src/ledger/intake.ts'
import { createSealer } from '../../functions/src/ledger/sealer.ts'
import { createLogStore } from '../../functions/src/ledger/store.ts'
import { entryText, newSigners } from '../../functions/src/ledger/testing.ts'
import { createLeases } from '../../functions/src/runtime/lease.ts'
import { percentileOf, row, type Row } from '../measure.ts'
import { startServer } from '../start-server.ts'

const appendedCount = 20_000
const batchSize = 500
const batchesAtOnce = 4
const sealedPerSecondBar = 5000
const sealedMsBar = 2000
const steady = { perSecond: 300, seconds: 20 }
const MIB = 2 ** 20

const secondsOf = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return (performance.now() - startedAt) / 1000
}

/** A document of the intake with one entry, as a change that records itself writes it. */
const documentOf = (shard: number, number: number) => ({
  id: `${shard.toString(16).padStart(2, '0')}-${uuidv7()}`,
  fields: {
    appendedAt: new Date().toISOString(),
    entries: [
      entryText({
        time: new Date().toISOString(),
        tenant: `tenant-${number % 19}`,
        subject: `agents/a-${number % 997}`,
        actor: { kind: 'person', id: `person-${number % 101}` },
        trace: '4bf92f3577b34da6a3ce929d0e0e4736',
        details: { route: 'PUT /v1/agents/:agentId/desired', status: 200 },
      }),
    ],
  },
})

/** Many documents, as fast as the client writes them: that is the ceiling. */
const fill = async (firestore: Firestore, shardOf: (number: number) => number): Promise<void> => {
  let next = 0
  const worker = async () => {
    while (next < appendedCount) {
      const batch = firestore.batch()
      for (const end = next + batchSize; next < end; next++) {
        const { id, fields } = documentOf(shardOf(next), next)
        batch.create(firestore.collection(collections.ledgerIntake).doc(id), fields)
      }
      await batch.commit()
    }
  }
  await Promise.all(Array.from({ length: batchesAtOnce }, worker))
}

/** A sealer as a function instance has it, and what it signed when. */
const openSealer = (firestore: Firestore) => {
  const signers = newSigners()
  const leases = createLeases({ firestore, nowMs: Date.now })
  const store = createLogStore(firestore, leases)
  const unsigned: string[] = []
  const signedAtMs = new Map<string, number>()
  const sealer = createSealer({
    intake: createIntake(firestore, { refuse: () => Promise.reject(new Error('an entry cannot be read')) }),
    store: {
      ...store,
      append: async (...args) => {
        const tree = await store.append(...args)
        unsigned.push(...args[2].map(({ ref }) => ref.id))
        return tree
      },
      saveCheckpoint: async (...args) => {
        await store.saveCheckpoint(...args)
        for (const id of unsigned.splice(0)) signedAtMs.set(id, performance.now())
      },
    },
    leases,
    sign: (tree) => signers.sign(tree, Date.now()),
    holder: uuidv7(),
    somewhere: () => somewhereInIntake(Math.random()),
    nowMs: Date.now,
  })
  return { sealer, signedAtMs }
}

/** Entries a second from a full intake into the log, signed, beside how fast their documents were written. */
const throughput = async (firestore: Firestore, what: string, shardOf: (number: number) => number): Promise<Row[]> => {
  const ceiling = appendedCount / (await secondsOf(() => fill(firestore, shardOf)))
  const { sealer, signedAtMs } = openSealer(firestore)
  const startedAt = performance.now()
  await sealer.wake(Date.now() + 600_000)
  const seconds = (Math.max(...signedAtMs.values()) - startedAt) / 1000
  if (signedAtMs.size !== appendedCount) throw new Error(`${signedAtMs.size} of ${appendedCount} were sealed`)
  const rate = appendedCount / seconds
  return [
    row(`bar 5,000: entries sealed and signed, ${what}`, rate, '/s', sealedPerSecondBar),
    row(`... beside writes of their documents`, rate, '/s', ceiling),
  ]
}

/** From the answer of an append to the checkpoint that has it, while entries come at a steady rate. */
const latency = async (firestore: Firestore): Promise<Row[]> => {
  const { sealer, signedAtMs } = openSealer(firestore)
  const appendedAtMs = new Map<string, number>()
  const startedAt = performance.now()
  const sealing = sealer.wake(Date.now() + 600_000)
  const writes: Promise<unknown>[] = []
  for (let number = 0; number < steady.perSecond * steady.seconds; number++) {
    const { id, fields } = documentOf((number * 7919) % ledgerIntakeShards, number)
    const written = firestore.collection(collections.ledgerIntake).doc(id).create(fields)
    writes.push(written.then(() => appendedAtMs.set(id, performance.now())))
    await delay(Math.max(0, startedAt + ((number + 1) * 1000) / steady.perSecond - performance.now()))
    if (number % steady.perSecond === 0) void sealer.wake(0)
  }
  await Promise.all(writes)
  await sealing
  const latenciesMs = [...appendedAtMs].map(([id, atMs]) => (signedAtMs.get(id) ?? Infinity) - atMs)
  const percent = (fraction: number) => percentileOf(latenciesMs, fraction)
  const at = `from append to checkpoint at ${steady.perSecond}/s`
  return [
    row(`${at}, p50`, percent(0.5), 'ms', sealedMsBar),
    row(`${at}, p95`, percent(0.95), 'ms', sealedMsBar),
    row(`bar 2,000: ${at}, p99`, percent(0.99), 'ms', sealedMsBar),
  ]
}

/** The sealer against a Firestore engine in another process: what it seals of a full intake, and how soon when there is little. */
export const sealingRows = async (): Promise<Row[]> => {
  const server = await startServer('firestore')
  process.env['FIRESTORE_EMULATOR_HOST'] = server.address
  const databases: Firestore[] = []
  const database = () => {
    const firestore = new Firestore({ projectId: `demo-sealing-${databases.length}` })
    databases.push(firestore)
    return firestore
  }
  try {
    return [
      ...(await throughput(database(), 'all shards', (number) => (number * 7919) % ledgerIntakeShards)),
      ...(await throughput(database(), 'one shard', () => 0)),
      ...(await latency(database())),
      row('memory of the sealer', process.memoryUsage().rss / MIB, 'MiB'),
      row('memory of the firestore engine', (await server.memoryBytes()) / MIB, 'MiB'),
    ]
  } finally {
    await Promise.all(databases.map((firestore) => firestore.terminate()))
    await server.stop()
  }
}
