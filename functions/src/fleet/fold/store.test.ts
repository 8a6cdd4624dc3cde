import { collections, parkedInDocumentMax } from '@infinity-matrix/contracts'
import { agentDocument, testNowMs } from '@infinity-matrix/testing'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startEngines, type Engines } from '../testing.ts'
import { createAgentStore, type AgentChange } from './store.ts'

let engines: Engines

beforeAll(async () => {
  // Firestore's clock is not this machine's.
  engines = await startEngines('demo-fold-store')
})
afterAll(() => engines.close())

it('what is saved is dated by Firestore, and what is not says why', async () => {
  const { firestore, batches } = engines.context
  const parkedElsewhere = [
    { sequence: parkedInDocumentMax + 2, publishedAt: new Date(testNowMs).toISOString(), raw: '' },
  ]
  const change = (agentId: string, parked: typeof parkedElsewhere = []): AgentChange => ({
    agentId,
    loaded: { stored: undefined, updateTime: undefined },
    next: { document: agentDocument({ agentId, parkedElsewhere: parked.length }), parkedElsewhere: parked },
  })
  const agents = firestore.collection(collections.agents)
  await agents.doc('taken').set(agentDocument({ agentId: 'taken' }))
  engines.pass(100)

  const changes = [change('alone'), change('parked', parkedElsewhere), change('taken')]
  const { writtenAtMs, failures } = await createAgentStore(firestore, batches).saveAll(changes)

  const stored = await firestore.getAll(agents.doc('alone'), agents.doc('parked'))
  expect([...writtenAtMs]).toEqual(stored.map(({ id, updateTime }) => [id, updateTime?.toMillis()]))
  expect(writtenAtMs.get('alone')).toBe(testNowMs + 100_000)
  expect([...failures]).toMatchObject([['taken', { code: 6 }]])
})
