import { collections } from '@infinity-matrix/contracts'
import { history, reportJson, troubled, waitFor } from '@infinity-matrix/testing'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Context } from '../../runtime/context.ts'
import {
  change,
  changed,
  eventOf,
  newName,
  sequencesOf,
  startSubscriberEngines,
  stepsOf,
  type SubscriberEngines,
} from './testing.ts'

let engines: SubscriberEngines
let shared: Context

beforeAll(async () => {
  engines = await startSubscriberEngines('demo-distributor')
  shared = engines.shared
})
afterAll(() => engines.close())

describe('a subscriber', { timeout: 20_000 }, () => {
  it('hears what its filter lets through, as its projection says', async () => {
    const tenant = newName('t')
    const { received, close } = await engines.subscribe(tenant, {
      filter: 'event.data.costUsd > 1.0',
      projection: '{"cost": event.data.costUsd, "steps": state.usage.steps}',
    })
    const agentId = newName('a')
    const step = (sequence: number, costUsd: number) =>
      eventOf(reportJson('agent.step-taken.v1', sequence, { step: 'acted', costUsd }, { agentId, tenant }))
    await engines.instance().distribute(changed(tenant, change(agentId, [step(1, 1), step(2, 2), step(3, 3)])))
    await waitFor('two messages', () => (received.length >= 2 ? true : undefined))
    expect(received.map(({ sequence, data }) => ({ sequence, data }))).toEqual([
      { sequence: 2, data: { cost: 2, steps: 3 } },
      { sequence: 3, data: { cost: 3, steps: 3 } },
    ])
    await close()
  })

  it('hears of no other tenant, and nothing while it is paused', async () => {
    const tenant = newName('t')
    const { subscription, subscriptions, received, close } = await engines.subscribe(tenant)
    const agentId = newName('a')
    const [first, second] = stepsOf(agentId, tenant, 2)
    if (!first || !second) throw new Error('two steps')
    await engines.instance().distribute(changed(newName('t'), change(newName('a'), [first])))
    await subscriptions.pause(subscription.id)
    await engines.instance().distribute(changed(tenant, change(agentId, [first])))
    await subscriptions.resume(subscription.id)
    await engines
      .instance()
      .distribute(changed(tenant, { ...change(agentId, [second]), createdAt: subscription.createdAt }))
    await waitFor('the second step', () => received.find(({ sequence }) => sequence === 2))
    expect(received).toHaveLength(1)
    await close()
  })

  it('whose filter fails is told so, and does not hear of the event', async () => {
    const tenant = newName('t')
    const { subscription, subscriptions, received, close } = await engines.subscribe(tenant, {
      filter: 'state.nothing == 1',
    })
    const sound = await engines.subscribe(tenant)
    const [event] = stepsOf(newName('a'), tenant, 1)
    if (!event) throw new Error('a step')
    await engines.instance().distribute(changed(tenant, change(event.agentId, [event])))
    expect(await subscriptions.get(subscription.id)).toMatchObject({
      failures: 1,
      lastFailure: { message: 'filter: field not found: nothing', eventId: event.id },
    })
    await waitFor('the event at the sound one', () => sound.received[0])
    expect(received).toEqual([])
    await Promise.all([close(), sound.close()])
  })

  it('whose topic is gone holds up no other, and finds what it missed among the dead letters', async () => {
    const tenant = newName('t')
    const gone = await engines.subscribe(tenant, { target: { kind: 'topic', topic: newName('nowhere') } })
    const { received, close } = await engines.subscribe(tenant)
    const [event] = stepsOf(newName('a'), tenant, 1)
    if (!event) throw new Error('a step')
    await engines.instance().distribute(changed(tenant, change(event.agentId, [event])))
    await waitFor('the event at the other', () => received[0])
    const letters = await shared.firestore.collection(collections.deadLetters).where('tenant', '==', tenant).get()
    expect(letters.docs.map((letter) => letter.get('code') as string)).toEqual(['not-delivered'])
    await Promise.all([close(), gone.close()])
  })
})

describe('order and loss', { timeout: 20_000 }, () => {
  it('duplicates, disorder and instances at once leave each agent in order, with nothing lost', async () => {
    const tenant = newName('t')
    const { received, close } = await engines.subscribe(tenant)
    const instances = [engines.instance(), engines.instance(), engines.instance()]
    const agents = Array.from({ length: 6 }, () => newName('a'))
    const [messages = []] = fc.sample(troubled(agents.flatMap((agentId) => stepsOf(agentId, tenant, 12))), {
      numRuns: 1,
      seed: 7,
    })
    await Promise.all(
      messages.map((event, index) =>
        (instances[index % 3] ?? engines.instance()).distribute(changed(tenant, change(event.agentId, [event]))),
      ),
    )
    const all = Array.from({ length: 12 }, (_, index) => index + 1)
    await waitFor('all steps of all agents', () =>
      agents.every((agentId) => sequencesOf(received, agentId).length === 12) ? true : undefined,
    )
    for (const agentId of agents) expect(sequencesOf(received, agentId)).toEqual(all)
    await close()
  })

  it.each(['publish', 'note'])(
    'an instance that dies before it can %s loses nothing when it is delivered again',
    async (step) => {
      const tenant = newName('t')
      const { received, close } = await engines.subscribe(tenant)
      const agentId = newName('a')
      let isDying = true
      const killed = () => {
        throw new Error('killed')
      }
      const dying: Context = {
        ...shared,
        topic: (name) => (step === 'publish' && isDying && name.startsWith('target') ? killed() : shared.topic(name)),
        batches: {
          ...shared.batches,
          writeAll: (writes) => (step === 'note' && isDying ? killed() : shared.batches.writeAll(writes)),
        },
      }
      const message = changed(tenant, change(agentId, stepsOf(agentId, tenant, 4)))
      await expect(engines.instance(dying).distribute(message)).rejects.toThrow('killed')
      isDying = false
      await engines.instance().distribute(message)
      await waitFor('all steps', () => (sequencesOf(received, agentId).length === 4 ? true : undefined))
      expect(sequencesOf(received, agentId)).toEqual([1, 2, 3, 4])
      await close()
    },
  )

  it('without order there is no channel to read or write', async () => {
    const tenant = newName('t')
    const { received, close } = await engines.subscribe(tenant, { order: 'none' })
    const agentId = newName('a')
    await engines.instance().distribute(changed(tenant, change(agentId, stepsOf(agentId, tenant, 3).slice(1))))
    await waitFor('both steps', () => (received.length === 2 ? true : undefined))
    expect((await shared.firestore.collection(collections.channels).doc(agentId).get()).exists).toBe(false)
    await close()
  })
})

it('histories of any kind are what subscribers hear, whole and in order', { timeout: 30_000 }, async () => {
  const tenant = newName('t')
  const { received, close } = await engines.subscribe(tenant)
  const histories = fc.sample(history({ lengthMax: 10, overrides: { tenant } }), { numRuns: 5, seed: 3 })
  for (const json of histories) {
    const agentId = newName('a')
    const events = json.map((one: object) =>
      eventOf({ ...one, subject: `agents/${agentId}`, source: `//agents/${agentId}` }),
    )
    const [order = []] = fc.sample(troubled(events), { numRuns: 1, seed: 5 })
    const one = engines.instance()
    for (const event of order) await one.distribute(changed(tenant, change(agentId, [event])))
    await waitFor(`the history of ${agentId}`, () =>
      sequencesOf(received, agentId).length === events.length ? true : undefined,
    )
    expect(sequencesOf(received, agentId)).toEqual(events.map((_, index) => index + 1))
  }
  await close()
})
