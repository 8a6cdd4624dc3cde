import { join } from 'node:path'
import { firestoreRules, collectionRows } from '@infinity-matrix/core/access'
import { beforeAll, expect, it } from 'vitest'
import { agreementOf, faultsIn, tryCollections, tryFunctions } from './matrix.ts'
import type { Trial } from './trial.ts'

let trials: Trial[] = []
beforeAll(async () => {
  trials = [...(await tryCollections()), ...(await tryFunctions())]
}, 240_000)

it('the rules and the API let in whom the policy lets in, and nobody else', () => {
  expect(faultsIn(trials)).toEqual([])
})

it('who may do what is as agreed on', async () => {
  await expect(agreementOf(trials)).toMatchFileSnapshot(join(import.meta.dirname, 'agreed.txt'))
})

it('rules that are not those of the policy are seen, with who is let in or kept out', async () => {
  const { agents, members, ...others } = collectionRows
  const wrong = { ...others, members, agents: { ...agents, readers: ['editor'] }, leases: agents } as const
  const faults = faultsIn(await tryCollections(firestoreRules(wrong), ['agents', 'leases']))
  expect(faults).toContain('get agents: viewer (own) is denied, and is meant to be allowed')
  expect(faults).toContain('get leases: viewer (own) is allowed, and is meant to be denied')
  expect(faults.every((fault) => / (agents|leases): /.test(fault))).toBe(true)
}, 120_000)
