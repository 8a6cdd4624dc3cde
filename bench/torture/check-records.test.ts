import { hash } from 'node:crypto'
import { chainText, windowPartText } from '@infinity-matrix/contracts'
import { extendChain } from '@infinity-matrix/core/event-chain'
import { expect, it } from 'vitest'
import { createRandom } from '../random.ts'
import { checkRecord } from './check-records.ts'
import { createHistories } from './history.ts'

const histories = createHistories(createRandom(7), { agentCount: 20, eventCount: 400, startMs: 0, prefix: 'agent' })
const history = histories.find(({ reports }) => reports.every(({ type }) => type !== 'agent.snapshot.v1'))
if (!history) throw new Error('each history has a snapshot')
const { agentId } = history
const tenant = 'acme'
const chainOf = (texts: readonly string[]) =>
  extendChain((text) => hash('sha256', text, 'base64'), undefined, texts, 'w-1')
const texts = history.reports.map((report) => JSON.stringify(report))
const chain = chainOf(texts)
const partOf = (agent: string, { head, length } = chain) => windowPartText({ agent, head, length, tenant })
const window = { parts: [partOf('other'), partOf(agentId)].join('\n') }
const whats = (findings: readonly { kind: string; what: string }[]) =>
  findings.map(({ kind, what }) => `${kind} ${what}`)

it('finds nothing where all is recorded', () => {
  expect(checkRecord(history, { chain: chainText(chain), tenant }, [window])).toEqual([])
})

it.each([
  ['no window', []],
  ['a window without the agent', [{ parts: partOf('other') }]],
  ['a window with another head', [{ parts: partOf(agentId, chainOf(texts.slice(1))) }]],
  ['two records', [window, window]],
])('finds %s', (_, windows) => {
  expect(whats(checkRecord(history, { chain: chainText(chain), tenant }, windows))).toEqual([
    'lost record in the ledger',
  ])
})

it('finds a chain of other events, of another order, and none', () => {
  for (const others of [texts.slice(1), texts.toReversed(), [...texts, '{}']]) {
    const other = chainOf(others)
    const windows = [{ parts: partOf(agentId, other) }]
    expect(whats(checkRecord(history, { chain: chainText(other), tenant }, windows))).toEqual([
      'unexplained head of the chain',
    ])
  }
  expect(whats(checkRecord(history, { chain: '', tenant }, [window]))).toEqual(['lost chain of events'])
})
