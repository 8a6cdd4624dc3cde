import type { PulseDocument } from '@infinity-matrix/contracts'
import { decodeVoices, type Voice } from '@infinity-matrix/core/fleet'
import { describe, expect, it } from 'vitest'
import { createPulseWindow } from './pulse-window.ts'

const voice = (key: string, heardAt = 100): Voice => ({
  key,
  kind: { tenant: 'acme', region: 'us-west1', tier: 'standard', silenceBoundSeconds: 30 },
  heardAt,
  leftAt: 0,
  will: undefined,
})

/** Where a window saves: each save waits until the test lets it through. */
const gate = () => {
  const saves: { keys: string[]; pass: () => void; fail: (error: Error) => void }[] = []
  const save = (pulses: readonly PulseDocument[]) =>
    new Promise<void>((pass, fail) => {
      saves.push({ keys: pulses.flatMap((pulse) => decodeVoices(pulse).map(({ key }) => key)).toSorted(), pass, fail })
    })
  return { saves, save }
}
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('a pulse window', () => {
  it('stores a heartbeat that is alone at once', async () => {
    const { saves, save } = gate()
    const settled = createPulseWindow({ save, windowMs: 3_600_000 }).submit([voice('a')])
    await turn()
    expect(saves.map(({ keys }) => keys)).toEqual([['a']])
    saves[0]?.pass()
    await settled
  })

  it('stores together what is there together, and what came during a commit after it', async () => {
    const { saves, save } = gate()
    const { submit } = createPulseWindow({ save, windowMs: 1 })
    const first = submit([voice('a')])
    await turn()
    const others = [submit([voice('b')]), submit([voice('c', 90)]), submit([voice('c')])]
    await turn()
    expect(saves).toHaveLength(1)
    saves[0]?.pass()
    await first
    await expect.poll(() => saves.length).toBe(2)
    expect(saves[1]?.keys).toEqual(['b', 'c'])
    saves[1]?.pass()
    await Promise.all(others)
  })

  it('fails the deliveries whose heartbeats were not stored, and no others', async () => {
    const { saves, save } = gate()
    const { submit } = createPulseWindow({ save, windowMs: 1 })
    const first = submit([voice('a')])
    await turn()
    saves[0]?.fail(new Error('unavailable'))
    await expect(first).rejects.toThrow('unavailable')
    const second = submit([voice('a')])
    await turn()
    saves[1]?.pass()
    await second
  })

  it('does not wait for more when it holds enough', async () => {
    const { saves, save } = gate()
    const { submit } = createPulseWindow({ save, windowMs: 3_600_000 })
    const many = Array.from({ length: 50_000 }, (_, index) => voice(`agent-${index}`))
    const settled = [submit(many.slice(0, 25_000)), submit(many.slice(25_000))]
    await turn()
    await turn()
    expect(saves[0]?.keys).toHaveLength(50_000)
    saves[0]?.pass()
    await Promise.all(settled)
  })
})
