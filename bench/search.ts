import { AgentPage, AgentSummary, collections } from '@infinity-matrix/contracts'
import { agentDocument, idToken } from '@infinity-matrix/testing'
import { serveAgents } from '../functions/src/fleet/api/agents.ts'
import { context, type Context } from '../functions/src/runtime/context.ts'
import { createApp } from '../functions/src/runtime/on-request.ts'
import { percentileOf, row, type Row } from './measure.ts'
import { startServer } from './start-server.ts'

const agentCount = 1_000_000
const batchSize = 500
const batchesAtOnce = 4
const pageSize = 100
const repetitions = 40
const p95MsMax = 100

// With the fields that a search shows and asks for: all of a document would make it three times as large.
const template = AgentSummary.parse(agentDocument())

/** One of many agents: half of them of one tenant, few failed or out of sync. */
const agentAt = (index: number) => {
  // An odd factor shuffles the attributes among the ids.
  const draw = (index * 7919) % 1009
  return {
    ...template,
    agentId: `a${index.toString(36)}`,
    tenant: index % 2 === 0 ? 'large' : `tenant-${index % 19}`,
    region: ['us-west1', 'us-central1', 'eu-west4'][draw % 3] ?? '',
    tier: draw === 0 ? 'elite' : draw < 40 ? 'mastery' : 'standard',
    status: draw % 100 === 1 ? 'failed' : draw % 10 === 2 ? 'waiting' : 'running',
    kind: ['worker', 'crawler'][draw % 2] ?? '',
    labels: { team: `team-${index % 97}` },
    inSync: draw % 200 !== 3,
  }
}

/** What people look for, from nothing to nearly all there is; the last of them match few agents, or none. */
const queries = [
  '',
  'tenant=large',
  'status=failed',
  'inSync=false',
  'tenant=large&status=failed',
  'tenant=large&region=eu-west4&status=waiting',
  'tenant=tenant-7&tier=mastery',
  'label.team=team-5&status=running',
  'label.team=team-5&inSync=false',
  'tenant=large&region=us-west1&tier=standard&status=failed&kind=crawler',
  'tenant=tenant-3&tier=elite&label.team=team-5',
  'tenant=large&status=cancelled',
]

const timed = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

const fill = async ({ firestore }: Context, count: number): Promise<void> => {
  let next = 0
  const worker = async () => {
    while (next < count) {
      const from = next
      next = Math.min(count, from + batchSize)
      const batch = firestore.batch()
      for (let index = from; index < next; index++) {
        const agent = agentAt(index)
        batch.set(firestore.collection(collections.agents).doc(agent.agentId), agent)
      }
      await batch.commit()
    }
  }
  await Promise.all(Array.from({ length: batchesAtOnce }, worker))
}

/**
 * First pages of searches among a million agents, as the API answers them: parsing of the query, Firestore, and the answer
 * as JSON. Beside them a hundred documents of the same client, found by a query on one indexed field.
 */
export const search = async (count = agentCount): Promise<Row[]> => {
  const [server, broker] = await Promise.all([startServer('firestore'), startServer('pubsub')])
  process.env['GCLOUD_PROJECT'] = 'demo-bench'
  process.env['FIRESTORE_EMULATOR_HOST'] = server.address
  process.env['PUBSUB_EMULATOR_HOST'] = broker.address
  process.env['FIREBASE_AUTH_EMULATOR_HOST'] = 'local'
  const shared = await context()
  try {
    const fillMs = await timed(() => fill(shared, count))
    const app = await createApp((routes) => serveAgents(routes, shared))
    const headers = { authorization: `Bearer ${idToken({ projectId: 'demo-bench' })}` }
    const firstPage = async (query: string) =>
      AgentPage.parse(await (await app.request(`/v1/agents?${query}&pageSize=${pageSize}`, { headers })).json())
    const bareQuery = shared.firestore.collection(collections.agents).where('tenant', '==', 'large').limit(pageSize)
    // The engine makes an index when it is first asked for one; production has it from the first write on.
    const found = new Map<string, number>()
    for (const query of queries) found.set(query, (await firstPage(query)).agents.length)
    const bare: number[] = []
    const durations = new Map<string, number[]>(queries.map((query) => [query, []]))
    for (let repetition = 0; repetition < repetitions; repetition++) {
      bare.push(await timed(() => bareQuery.get()))
      for (const [query, all] of durations) all.push(await timed(() => firstPage(query)))
    }
    const all = [...durations.values()].flat()
    return [
      row('agents', count, ''),
      row('agents written', count / (fillMs / 1000), '/s'),
      row('bar 100: first page, p95 over all filters', percentileOf(all, 0.95), 'ms', p95MsMax),
      row('first page, p95, beside a query on one field', percentileOf(all, 0.95), 'ms', percentileOf(bare, 0.95)),
      row('first page, p50, beside a query on one field', percentileOf(all, 0.5), 'ms', percentileOf(bare, 0.5)),
      ...[...durations].map(([query, some]) =>
        row(`${query || 'all'}: ${found.get(query)} agents, p95`, percentileOf(some, 0.95), 'ms', p95MsMax),
      ),
      row('memory of the firestore engine', (await server.memoryBytes()) / 2 ** 20, 'MiB'),
      row('memory of this process', process.memoryUsage().rss / 2 ** 20, 'MiB'),
    ]
  } finally {
    await Promise.all([shared.firestore.terminate(), shared.pubsub.close(), shared.batches.close()])
    await Promise.all([server.stop(), broker.stop()])
  }
}
