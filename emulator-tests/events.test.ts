import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  collections,
  deadLetterIdOf,
  topics,
  type DeadLetterReplay,
  type DeadLetterSummary,
} from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { fireSchedule } from './clock.ts'
import {
  agentOf,
  agentWhen,
  deadLetterWhen,
  firestore,
  fresh,
  functionUrl,
  signedIn,
  publish,
  pubsub,
  uniqueTenant,
} from './suite.ts'

afterAll(async () => {
  await Promise.all([firestore.terminate(), pubsub.close()])
})

const stateChanges = topics.stateChanges.name
const entry = join(import.meta.dirname, '../packages/cli/src/dead-letters.ts')

/** `npm run dead-letters` with what it prints in its last line. */
const deadLetters = async <Answer>(...args: string[]): Promise<Answer> => {
  const { stdout } = await promisify(execFile)(process.execPath, [entry, ...args, '--json'])
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Answer
}
/** The API itself, as programs call it. */
const api = async <Answer>(path: string, init: { method?: string } = {}): Promise<Answer> =>
  (await (await fetch(`${await functionUrl('events-api')}${path}`, { ...init, headers: signedIn() })).json()) as Answer
const lettersOf = async (tenant: string) =>
  (await api<{ letters: DeadLetterSummary[] }>(`/v1/dead-letters?tenant=${tenant}`)).letters
const replayOne = (id: string) => api(`/v1/dead-letters/${id}/replay`, { method: 'POST' })
const newAgentId = () => `letters-${crypto.randomUUID().slice(0, 8)}`
const startOf = (agentId: string, tenant: string) =>
  fresh(reportJson('agent.started.v1', 1, { kind: 'worker' }, { agentId, tenant }))
const letterOf = async (tenant: string, agentId = newAgentId()) => {
  const [messageId = ''] = await publish(stateChanges, [{ ...startOf(agentId, tenant), tier: 'gold' }])
  await deadLetterWhen(messageId)
  return { id: deadLetterIdOf(messageId, 0), agentId }
}

describe('dead letters', () => {
  it('are listed, shown and fixed: the corrected event reaches its agent', async () => {
    const tenant = uniqueTenant()
    const { id, agentId } = await letterOf(tenant)
    const { letters } = await deadLetters<{ letters: DeadLetterSummary[] }>('list', '--tenant', tenant)
    expect(letters).toMatchObject([{ id, code: 'bad-envelope', field: 'tier', life: { status: 'open' } }])
    const { original, position } = await deadLetters<{ original: { text: string }; position: { offset: number } }>(
      'show',
      id,
    )
    expect(original.text.slice(position.offset)).toMatch(/^"gold"/)

    const folder = await mkdtemp(join(tmpdir(), 'letters-'))
    const file = join(folder, 'corrected.json')
    await writeFile(file, original.text.replace('gold', 'silver'))
    await expect(deadLetters('fix', id, file)).rejects.toThrow('tier must be one of elite, mastery, standard')
    await writeFile(file, original.text.replace('gold', 'elite'))
    await deadLetters('fix', id, file)
    await rm(folder, { recursive: true })
    expect(await agentWhen(agentId, ({ lastSequence }) => lastSequence === 1)).toMatchObject({ tenant, tier: 'elite' })
  })

  it('that are replayed and refused again are the same letters; replayed twice they change nothing', async () => {
    const tenant = uniqueTenant()
    const { id } = await letterOf(tenant)
    for (const attempts of [1, 2]) {
      await replayOne(id)
      const reopened = await waitFor('the letter to die again', async () => {
        const letters = await lettersOf(tenant)
        return letters[0]?.life.status === 'open' ? letters : undefined
      })
      expect(reopened).toMatchObject([{ id, attempts }])
    }
  })

  it('whose place in the order is taken change no agent when they are replayed', async () => {
    const tenant = uniqueTenant()
    const agentId = newAgentId()
    const step = fresh(reportJson('agent.step-taken.v1', 2, { step: 'acted' }, { agentId, tenant }))
    const end = fresh(reportJson('agent.finished.v2', 2, { outcome: 'success' }, { agentId, tenant }))
    await publish(stateChanges, [{ events: [startOf(agentId, tenant), end, { ...step, sequence: 3 }] }])
    const before = await agentWhen(agentId, ({ lastSequence }) => lastSequence === 3)
    const letters = await lettersOf(tenant)
    expect(letters).toMatchObject([{ code: 'illegal-transition', life: { status: 'open' } }])
    await replayOne(letters[0]?.id ?? '')
    // A marker behind it: the replayed report was there before.
    await publish(stateChanges, [fresh(reportJson('agent.started.v1', 4, { kind: 'worker' }, { agentId, tenant }))])
    const after = await agentWhen(agentId, ({ lastSequence }) => lastSequence === 4)
    expect(after.reported.usage).toEqual(before.reported.usage)
    const { size } = await firestore.collection(collections.deadLetters).where('tenant', '==', tenant).get()
    expect(size).toBe(1)
  })

  it('are replayed by filter; what a worker left half done is gone on with by the schedule', async () => {
    const tenant = uniqueTenant()
    for (let index = 0; index < 3; index++) await letterOf(tenant)
    const replay = await deadLetters<DeadLetterReplay>('replay', '--tenant', tenant, '--code', 'bad-envelope')
    expect(replay).toMatchObject({ state: { status: 'completed' }, total: 3, replayed: 3 })
    const left = { ...replay, id: 'left', state: { status: 'running' }, position: null, replayed: 0, skipped: 0 }
    await firestore
      .collection(collections.deadLetterReplays)
      .doc(`left-${tenant}`)
      .set({ ...left, id: `left-${tenant}` })
    await fireSchedule('events-replayDeadLetters')
    await waitFor('the end of the replay', async () => {
      const snapshot = await firestore.collection(collections.deadLetterReplays).doc(`left-${tenant}`).get()
      return snapshot.get('state.status') === 'completed' ? true : undefined
    })
  })

  it('are kept from who asks wrongly', async () => {
    const response = await fetch(`${await functionUrl('events-api')}/v1/dead-letters?code=nonsense`, {
      headers: signedIn(),
    })
    expect(response.status).toBe(400)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
  })
})

it('agents that reported nothing acceptable are not there', async () => {
  const { agentId } = await letterOf(uniqueTenant())
  expect(await agentOf(agentId)).toBeUndefined()
})
