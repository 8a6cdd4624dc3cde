import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import type { Finding } from './finding.ts'
import { runSeed, type SeedOptions } from './run-seed.ts'

const usual: SeedOptions = {
  seed: 1,
  events: 2000,
  agents: 60,
  kills: 3,
  instancesMax: 2,
  faults: { before: 0.01, after: 0.01, stall: 0.01 },
  idleSecondsMax: 60,
  onProgress: () => {},
}
const play = (options: Partial<SeedOptions>) => runSeed({ ...usual, ...options })
const playPlanted = (faults: readonly string[], options: Partial<SeedOptions>) =>
  play({
    events: 1000,
    agents: 40,
    idleSecondsMax: 8,
    ...options,
    source: join(import.meta.dirname, 'planted-functions.ts'),
    settings: { PLANTED_FAULTS: faults.join(',') },
  })
const kinds = (findings: readonly Finding[], matches: (finding: Finding) => boolean = () => true) =>
  new Set(findings.filter(matches).map(({ kind }) => kind))

describe('a short torture', { timeout: 300_000 }, () => {
  it('of the functions as they are built: nothing is lost, applied twice or unexplained', async () => {
    const { findings, kills, redeliveries, faultsInjected, subscriberHeard } = await play({})
    expect(findings).toEqual([])
    expect(kills).toBe(3)
    expect(redeliveries).toBeGreaterThan(0)
    expect(subscriberHeard).toBeGreaterThan(0)
    expect(Object.values(faultsInjected).every((count) => count > 0)).toBe(true)
  })

  it('of functions that acknowledge before they store: what a killed process held is lost', async () => {
    const { findings } = await playPlanted(['acknowledges-before-it-stores'], { seed: 2, kills: 6 })
    expect(kinds(findings, ({ agentId }) => agentId !== undefined)).toContain('lost')
  })

  it('of functions with several faults: each is found', async () => {
    const { findings } = await playPlanted(
      ['drops-messages', 'counts-twice', 'forgets-dead-letters', 'keeps-dead-letters-twice'],
      { seed: 3, kills: 0, faults: { before: 0, after: 0, stall: 0 } },
    )
    const whats = findings.map(({ kind, what }) => `${kind} ${what}`)
    expect(whats).toContain('lost agent.step-taken.v1')
    expect(whats).toContain('appliedTwice agent.step-taken.v1')
    expect(whats).toContain('lost not-json has no dead letter')
    expect(whats.some((what) => what.endsWith('is one too many'))).toBe(true)
  })

  it.each([
    ['forgets-changes', 'subscriberMissing'],
    ['tells-out-of-order', 'subscriberOutOfOrder'],
  ])('of a distributor that %s: its subscriber notices', async (fault, what) => {
    const { findings } = await playPlanted([fault], { seed: 4, kills: 0, faults: { before: 0, after: 0, stall: 0 } })
    expect(findings.map((finding) => finding.what)).toContain(what)
    expect(kinds(findings)).toEqual(new Set(['unexplained']))
  })
})
