import { ChannelDocument, collections } from '@infinity-matrix/contracts'
import { waitFor } from '@infinity-matrix/testing'
import { missingSecondsMax } from '@infinity-matrix/core/events'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { runTick } from '../runtime/testing.ts'
import { giveUpMissing } from './giveUpMissing.ts'
import {
  change,
  changed,
  newName,
  sequencesOf,
  startSubscriberEngines,
  stepsOf,
  type SubscriberEngines,
} from './subscriptions/testing.ts'

let engines: SubscriberEngines
beforeAll(async () => {
  engines = await startSubscriberEngines('demo-missing')
})
afterAll(() => engines.close())

const channelOf = (agentId: string) => engines.shared.firestore.collection(collections.channels).doc(agentId)
const tick = () => runTick(giveUpMissing)
/** As if the channel had waited for so long already. */
const wait = (agentId: string, seconds: number) =>
  channelOf(agentId).update({ waitingSince: new Date(Date.now() - seconds * 1000).toISOString() })

it('what waits for a report that was never published goes on after a quarter of an hour, and not before', async () => {
  const tenant = newName('t')
  const { received, close } = await engines.subscribe(tenant)
  const [overdue, patient] = [newName('a'), newName('a')]
  const without2 = (agentId: string) => change(agentId, stepsOf(agentId, tenant, 5).toSpliced(1, 1))
  await engines.instance().distribute(changed(tenant, without2(overdue), without2(patient)))
  await waitFor('the first of both', () => (received.length === 2 ? true : undefined))
  await tick()
  expect(ChannelDocument.parse((await channelOf(overdue).get()).data())).toMatchObject({ isWaiting: true, next: 2 })

  await wait(overdue, missingSecondsMax + 1)
  await wait(patient, missingSecondsMax - 60)
  // A tick that is doubled changes nothing.
  await Promise.all([tick(), tick()])
  await tick()
  await waitFor('what waited', () => (sequencesOf(received, overdue).length === 4 ? true : undefined))
  expect(sequencesOf(received, overdue)).toEqual([1, 3, 4, 5])
  expect(sequencesOf(received, patient)).toEqual([1])
  expect(ChannelDocument.parse((await channelOf(overdue).get()).data())).toMatchObject({ isWaiting: false, next: 6 })
  expect(ChannelDocument.parse((await channelOf(patient).get()).data())).toMatchObject({ isWaiting: true, next: 2 })

  // Should it come after all, it lets go what waits for it, and is not heard where it was given up.
  const second = (agentId: string) => change(agentId, stepsOf(agentId, tenant, 2).slice(1))
  await engines.instance().distribute(changed(tenant, second(overdue), second(patient)))
  await waitFor('the patient one', () => (sequencesOf(received, patient).length === 5 ? true : undefined))
  expect(sequencesOf(received, patient)).toEqual([1, 2, 3, 4, 5])
  expect(sequencesOf(received, overdue)).toEqual([1, 3, 4, 5])
  await close()
}, 30_000)
