import { randomUUID } from 'node:crypto'
import { collections, type AgentDocument } from '@infinity-matrix/contracts'
import { agentDocument, waitFor } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createCounter, shardReferences, showCounts } from './counts.ts'
import { createLeases } from '../../runtime/lease.ts'
import { reconcileTenant } from './reconcile-counts.ts'
import { reconcileAll } from '../reconcileCounts.ts'
import { startEngines, type Engines } from '../testing.ts'

let engines: Engines

beforeAll(async () => {
  engines = await startEngines('demo-counts')
})
afterAll(() => engines.close())

type Fields = Partial<Pick<AgentDocument, 'region' | 'tier' | 'status'>>
const newTenant = () => `t-${randomUUID().slice(0, 8)}`

/** A tenant's fleet, and the instances that write it. */
const fleetOf = (tenant: string) => {
  const { firestore, nowMs } = engines.context
  const counters = [createCounter(engines.context, 0), createCounter(engines.context, 1)]
  const agents = new Map<string, AgentDocument>()
  /** Writes an agent, or takes it away, and counts it, unless the instance dies in between. */
  const write = async (name: string, fields: Fields | null, { instance = 0, dies = false } = {}) => {
    const agentId = `${tenant}.${name}`
    const before = agents.get(agentId)
    const after = fields ? agentDocument({ agentId, tenant, ...fields }) : undefined
    const reference = firestore.collection(collections.agents).doc(agentId)
    await (after ? reference.set(after) : reference.delete())
    if (after) agents.set(agentId, after)
    else agents.delete(agentId)
    if (!dies) await counters[instance]?.count([{ before, after, writtenAtMs: nowMs() }])
  }
  const countedBy = (field: 'region' | 'tier' | 'status') => {
    const counts: Record<string, number> = {}
    for (const agent of agents.values()) counts[agent[field]] = (counts[agent[field]] ?? 0) + 1
    return counts
  }
  const exact = () => ({
    agents: agents.size,
    byRegion: countedBy('region'),
    byTier: countedBy('tier'),
    byStatus: countedBy('status'),
  })
  return { write, exact, shown: () => showCounts(firestore, tenant) }
}
/** Compares one tenant's counters alone. */
const reconcile = async (tenant: string) => {
  const leases = createLeases(engines.context)
  const held = await leases.acquire(`counts-of-${tenant}`, 'test', 60)
  if (held === null) throw new Error('a lease of its own was refused')
  await reconcileTenant(engines.context, leases, held, tenant, ['us-west1', 'eu-west4', 'never-counted'])
}

describe('counts', () => {
  it('follow what is written, before they were ever compared', async () => {
    const { write, exact, shown } = fleetOf(newTenant())
    await write('a', {})
    engines.pass(1)
    await write('b', { status: 'failed', region: 'eu-west4', tier: 'elite' })
    await write('c', {}, { instance: 1 })
    engines.pass(1)
    await write('a', { status: 'succeeded' })
    expect(await shown()).toMatchObject({ ...exact(), reconciledAt: null, drift: null })
  })

  it('of many writes within a second are written together', async () => {
    const tenant = newTenant()
    const { write, exact, shown } = fleetOf(tenant)
    for (let nth = 0; nth < 10; nth++) await write(`a${nth}`, {})
    const first = await shown()
    expect(first.agents).toBe(1)
    await waitFor('the rest to be counted', async () => ((await shown()).agents === 10 ? true : undefined))
    expect(await shown()).toMatchObject(exact())
  })

  it('are set right after a crash, and tell by how much they were wrong', async () => {
    const tenant = newTenant()
    const { write, exact, shown } = fleetOf(tenant)
    await write('a', {})
    engines.pass(1)
    await write('b', {}, { dies: true })
    await write('c', { region: 'never-counted' }, { dies: true })
    expect(await shown()).toMatchObject({ agents: 1 })
    engines.pass(180)
    await reconcileAll(engines.context, engines.context.nowMs() + 1)
    expect(await shown()).toMatchObject({ ...exact(), drift: 2 })
    const shards = await engines.context.firestore.getAll(...shardReferences(engines.context.firestore, tenant))
    expect(shards.flatMap((shard) => Object.keys((shard.get('changes') ?? {}) as object))).toEqual([])
    engines.pass(300)
    await reconcile(tenant)
    expect(await shown()).toMatchObject({ ...exact(), drift: 0 })
  })

  it('are exact after any history of writes, deaths and comparisons, once they are compared', async () => {
    const fields = fc.record({
      region: fc.constantFrom('us-west1', 'eu-west4'),
      status: fc.constantFrom('running', 'failed'),
    })
    const happening = fc.oneof(
      {
        weight: 6,
        arbitrary: fc.record({ name: fc.constantFrom('a', 'b', 'c'), fields: fc.option(fields), dies: fc.boolean() }),
      },
      { weight: 1, arbitrary: fc.constant('reconcile' as const) },
    )
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.integer({ min: 1, max: 50 }), happening), { maxLength: 12 }),
        async (history) => {
          const tenant = newTenant()
          const { write, exact, shown } = fleetOf(tenant)
          for (const [seconds, event] of history) {
            engines.pass(seconds)
            await (event === 'reconcile' ? reconcile(tenant) : write(event.name, event.fields, event))
          }
          engines.pass(180)
          await reconcile(tenant)
          const { agents, byRegion, byTier, byStatus } = await shown()
          expect({ agents, byRegion, byTier, byStatus }).toEqual(exact())
        },
      ),
      { numRuns: 15 },
    )
  }, 60_000)
})
