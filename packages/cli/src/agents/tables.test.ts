import { stripVTControlCharacters } from 'node:util'
import { AgentSummary, AgentView } from '@infinity-matrix/contracts'
import { agentDocument } from '@infinity-matrix/testing'
import { expect, test } from 'vitest'
import { agentsTable, agentText, countsText } from './tables.ts'

const at = '2026-01-01T00:00:00.000Z'
const agent = { ...agentDocument({ agentId: 'a-1', labels: { team: 'a' }, inSync: false }) }

test('agents found are lines, and the page after them is named', () => {
  const text = stripVTControlCharacters(agentsTable({ agents: [AgentSummary.parse(agent)], nextPageToken: 'abc' }))
  expect(text).toMatch(/a-1 .*acme .*running .*worker .*team=a .*no /)
  expect(text).toContain('more: --page-token abc')
})

test('an agent is shown with what it has not reported yet, and its transitions', () => {
  const shown = agentText(
    AgentView.parse({
      ...agent,
      properties: { level: 'info' },
      desired: { version: 2, properties: { level: 'debug' }, changedAt: at, changedBy: 'ada', jobId: null },
      delta: { level: 'debug' },
      parked: [4],
      gapSince: at,
      transitions: [
        { sequence: 1, type: 'agent.started.v1', status: 'running', at, publishedAt: at, foldedAt: at },
        {
          sequence: 2,
          type: 'agent.step-taken.v1',
          status: 'running',
          at,
          publishedAt: at,
          foldedAt: at,
          refused: 'no',
        },
      ],
    }),
  )
  const text = stripVTControlCharacters(shown)
  expect(text).toContain(`1 reports wait for a missing one since ${at}`)
  expect(text).toContain('desired  {"level":"debug"}, version 2, of which it has seen 0')
  expect(text).toContain('delta    {"level":"debug"}')
  expect(text).toMatch(/2 .*agent\.step-taken\.v1 .*no/)
})

test('counts are told by group where there are counters, and as a whole elsewhere', () => {
  const groups = { byRegion: { 'us-west1': 3 }, byTier: { elite: 1, standard: 2 }, byStatus: { running: 3 } }
  const text = stripVTControlCharacters(
    countsText({ tenant: 'acme', agents: 3, ...groups, asOf: at, reconciledAt: at, drift: 2 }),
  )
  expect(text).toMatch(/all .*3/)
  expect(text).toMatch(/tier .*standard .*2/)
  expect(text).toContain(`as of ${at}; compared at ${at}, 2 off then`)
  expect(countsText({ agents: 7, asOf: at })).toBe(`7 agents, counted at ${at}`)
})
