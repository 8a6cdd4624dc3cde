import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { AgentFilter, AgentPage, collections, DesiredView, ProblemDetails, topics } from '@infinity-matrix/contracts'
import { conditionsOf } from '@infinity-matrix/core/fleet'
import { agentDocument } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startEngines, type Engines } from '../testing.ts'
import { serveAgents } from './agents.ts'
import { serveCounts } from './counts.ts'
import { openApp, signedIn, type OpenedApp } from '../../runtime/testing.ts'

let engines: Engines
let app: OpenedApp

beforeAll(async () => {
  engines = await startEngines('demo-fleet-api')
  app = await openApp((routes) => {
    serveAgents(routes, engines.context)
    serveCounts(routes, engines.context)
  })
})
afterAll(() => engines.close())

const store = async (...agents: Parameters<typeof agentDocument>[0][]) => {
  const writer = engines.context.firestore.bulkWriter()
  for (const fields of agents) {
    const agent = agentDocument(fields)
    void writer.set(engines.context.firestore.collection(collections.agents).doc(agent.agentId), agent)
  }
  await writer.close()
}
const search = async (query: string) => {
  const response = await app.request(`/v1/agents?${query}`)
  return { status: response.status, body: await response.json() }
}
const idsOf = async (query: string) => AgentPage.parse((await search(query)).body).agents.map(({ agentId }) => agentId)

describe('a search', () => {
  it('pages through all that match, in the order of ids', async () => {
    await store(...Array.from({ length: 7 }, (_, index) => ({ agentId: `page-${index}`, tenant: 'paged' })))
    const seen: string[] = []
    for (let query = 'tenant=paged&pageSize=3'; query !== '';) {
      const { agents, nextPageToken } = AgentPage.parse((await search(query)).body)
      seen.push(...agents.map(({ agentId }) => agentId))
      query = nextPageToken === undefined ? '' : `tenant=paged&pageSize=3&pageToken=${nextPageToken}`
    }
    expect(seen).toEqual(Array.from({ length: 7 }, (_, index) => `page-${index}`))
  })

  it('by any combination finds what has all of it', async () => {
    const some = <T>(...values: T[]) => fc.constantFrom(...values)
    const fields = {
      region: some('us-west1', 'eu-west4'),
      tier: some('elite' as const, 'standard' as const),
      status: some('running' as const, 'failed' as const),
      kind: some('worker', 'crawler'),
      inSync: fc.boolean(),
      labels: fc.record({ team: some('a', 'b.c'), 'app.kubernetes.io/name': some('x', 'y') }, { requiredKeys: [] }),
    }
    const agents = fc.sample(fc.record(fields), { numRuns: 60, seed: 4 })
    const all = agents.map((agent, index) => ({ ...agent, agentId: `any-${index}`, tenant: 'combined' }))
    await store(...all)
    await fc.assert(
      fc.asyncProperty(fc.record(fields, { requiredKeys: [] }), async ({ labels = {}, ...wanted }) => {
        const matches = all.filter(
          (agent) =>
            Object.entries(wanted).every(([field, value]) => agent[field as keyof typeof wanted] === value) &&
            Object.entries(labels).every(([name, value]) => new Map(Object.entries(agent.labels)).get(name) === value),
        )
        const query = new URLSearchParams({ tenant: 'combined' })
        for (const [field, value] of Object.entries(wanted)) query.set(field, String(value))
        for (const [name, value] of Object.entries(labels)) query.set(`label.${name}`, value)
        expect((await idsOf(query.toString())).toSorted()).toEqual(matches.map(({ agentId }) => agentId).toSorted())
      }),
      { numRuns: 40 },
    )
  })

  it.each([
    ['status=gone', 'status', 'must be one of new, running'],
    ['inSync=maybe', 'inSync', 'must be true or false'],
    ['colour=red', '', 'may have tenant, region, tier, status, kind, inSync and labels'],
    ['label.__x__=1', 'labels.__x__', 'must be 1 to 128 printable characters'],
    ['pageSize=501', 'pageSize', 'must be a whole number from 1 to 500'],
    ['pageSize=many', 'pageSize', 'must be a whole number from 1 to 500'],
    ['pageToken=!', 'pageToken', 'must be the nextPageToken of a page before'],
  ])('%s is refused with its rule', async (query, field, rule) => {
    const { status, body } = await search(query)
    expect(status).toBe(400)
    expect(ProblemDetails.parse(body).errors).toEqual([{ field, rule: expect.stringContaining(rule) as string }])
  })

  it('asks for nothing but equalities on fields that Firestore indexes by itself', () => {
    const everything = AgentFilter.required().parse({
      tenant: 'a',
      region: 'b',
      tier: 'elite',
      status: 'failed',
      kind: 'worker',
      inSync: true,
      labels: { team: 'a' },
    })
    const declared = JSON.parse(
      readFileSync(join(import.meta.dirname, '../../../../firestore.indexes.json'), 'utf8'),
    ) as {
      fieldOverrides: { collectionGroup: string; fieldPath: string }[]
    }
    const exempt = declared.fieldOverrides.filter((one) => one.collectionGroup === collections.agents)
    const conditions = conditionsOf(everything)
    expect(conditions).toHaveLength(Object.keys(AgentFilter.shape).length)
    for (const { path } of conditions) {
      const prefixes = path.map((_, depth) => path.slice(0, depth + 1).join('.'))
      expect(exempt.filter(({ fieldPath }) => prefixes.includes(fieldPath) || fieldPath === '*')).toEqual([])
    }
  })
})

describe('counts', () => {
  it('of a filter are counted now', async () => {
    await store(
      ...Array.from({ length: 4 }, (_, index) => ({ agentId: `count-${index}`, tenant: 'counted', inSync: index > 0 })),
    )
    const counted = await app.request('/v1/counts?tenant=counted&inSync=true')
    expect(await counted.json()).toMatchObject({ agents: 3 })
    expect(await (await app.request('/v1/counts?tenant=counted')).json()).toMatchObject({
      agents: 0,
      reconciledAt: null,
    })
  })
})

describe('desired state', () => {
  const desired = (agentId: string) => `/v1/agents/${agentId}/desired`
  const write = async (method: 'PUT' | 'PATCH', agentId: string, properties: unknown, ifMatch?: string) =>
    app.request(desired(agentId), {
      method,
      headers: { 'content-type': 'application/json', ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }) },
      body: JSON.stringify(properties),
    })

  it('is written under the version that was read, and told to the agent', async () => {
    await store({ agentId: 'wanted', properties: '{"level":"info"}' })
    const read = await app.request(desired('wanted'))
    expect(read.headers.get('etag')).toBe('"0"')
    const told = await engines.listenTo(topics.realtimeSync.name)
    const written = await write('PUT', 'wanted', { level: 'debug', steps: 3 }, '"0"')
    expect(written.headers.get('etag')).toBe('"1"')
    expect(DesiredView.parse(await written.json())).toMatchObject({
      desired: { version: 1, properties: { level: 'debug', steps: 3 }, changedBy: 'person/tester' },
      reported: { properties: { level: 'info' } },
      delta: { level: 'debug', steps: 3 },
      inSync: false,
    })
    expect(JSON.parse(await told.next())).toMatchObject({
      type: 'agent.desired-changed.v1',
      subject: 'agents/wanted',
      data: { desiredVersion: 1, delta: { level: 'debug', steps: 3 } },
    })
    const merged = await write('PATCH', 'wanted', { steps: null }, '"1"')
    expect(DesiredView.parse(await merged.json()).desired).toMatchObject({ version: 2, properties: { level: 'debug' } })
  })

  it('that somebody else changed since is a conflict that tells who, when, and what stands now', async () => {
    await store({ agentId: 'contested' })
    await app.request(desired('contested'), {
      method: 'PUT',
      headers: { 'content-type': 'application/json', 'if-match': '"0"', ...signedIn({ uid: 'ada' }) },
      body: '{"a":1}',
    })
    const lost = await write('PUT', 'contested', { a: 2 }, '"0"')
    expect(lost.status).toBe(412)
    expect(lost.headers.get('etag')).toBe('"1"')
    const problem = ProblemDetails.parse(await lost.json())
    expect(problem.current).toMatchObject({ version: 1, properties: { a: 1 }, changedBy: 'person/ada' })
    expect(problem.detail).toContain(
      'meant under version 0, and the desired state has version 1, changed by person/ada at',
    )
  })

  it('changed by many at once under one version is changed by one of them', async () => {
    await store({ agentId: 'raced' })
    const writes = await Promise.all(Array.from({ length: 8 }, (_, nth) => write('PUT', 'raced', { nth }, '"0"')))
    expect(writes.map(({ status }) => status).toSorted((a, b) => a - b)).toEqual([
      200, 412, 412, 412, 412, 412, 412, 412,
    ])
  })

  it.each([
    ['no condition', undefined, {}, 428, 'if-match', 'must be the ETag'],
    ['a condition that is none', '3', {}, 400, 'if-match', 'must be the ETag'],
    ['no object', '*', [], 422, '', 'must be a JSON object'],
    ['too much', '*', { a: 'x'.repeat(9000) }, 422, '', 'must be at most 8192 characters of JSON'],
  ])('with %s is refused', async (_what, ifMatch, body, status, field, rule) => {
    await store({ agentId: 'refusing' })
    const response = await write('PUT', 'refusing', body, ifMatch)
    expect(response.status).toBe(status)
    expect(ProblemDetails.parse(await response.json()).errors).toEqual([
      { field, rule: expect.stringContaining(rule) as string },
    ])
  })

  it('of an agent that is not there is not found', async () => {
    const missing = [
      await app.request(desired('nobody')),
      await write('PUT', 'nobody', {}, '*'),
      await write('PUT', '__x__', {}, '*'),
    ]
    expect(missing.map(({ status }) => status)).toEqual([404, 404, 404])
  })
})
