import { messageText } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import { createBatcher } from './batcher.ts'
import type { EncodedEvent, Outcome, Transport } from './transport.ts'

interface TestEvent {
  type: string
  subject: string
  sequence: number
  filling: string
}
const eventOf = (agent: number, sequence: number, filling = ''): TestEvent => ({
  type: 'agent.step-taken.v1',
  subject: `agents/${agent}`,
  sequence,
  filling,
})
const bytesOf = (text: string) => Buffer.byteLength(text)
const decode = (batch: readonly EncodedEvent[]) => batch.map(({ text }) => JSON.parse(text) as TestEvent)

/** A transport that answers when the test says so. */
const manualTransport = (limits: { bytesMax: number; eventsMax: number }) => {
  const sends: { events: TestEvent[]; answer: (outcomes?: Outcome[]) => void; fail: () => void }[] = []
  const transport: Transport = {
    ...limits,
    send: (batch) =>
      new Promise((resolve, reject) => {
        sends.push({
          events: decode(batch),
          answer: (outcomes) => resolve(outcomes ?? batch.map(() => ({ status: 'accepted' }))),
          fail: () => reject(new Error('the network is away')),
        })
      }),
  }
  return { transport, sends }
}
const sequencesOf = (sends: readonly { events: TestEvent[] }[]) =>
  sends.map(({ events }) => events.map(({ subject, sequence }) => `${subject.slice('agents/'.length)}:${sequence}`))
const settledSoon = () => new Promise((resolve) => setImmediate(resolve))
const large = { bytesMax: 100_000, eventsMax: 100 }

describe('a batch', () => {
  it('goes when its oldest event has lingered, with what came meanwhile, each agent together', async () => {
    vi.useFakeTimers()
    const { transport, sends } = manualTransport(large)
    const batcher = createBatcher({ transport, lingerMs: 20 })
    for (const [agent, sequence] of [
      [1, 1],
      [2, 1],
      [1, 2],
    ] as const)
      void batcher.add(eventOf(agent, sequence))
    vi.advanceTimersByTime(19)
    void batcher.add(eventOf(2, 2))
    expect(sends).toHaveLength(0)
    vi.advanceTimersByTime(1)
    vi.useRealTimers()
    expect(sequencesOf(sends)).toEqual([['1:1', '1:2', '2:1', '2:2']])
  })

  it('goes at once when it has enough events, or bytes', () => {
    const byCount = manualTransport({ ...large, eventsMax: 2 })
    const counted = createBatcher({ transport: byCount.transport })
    void counted.add(eventOf(1, 1))
    expect(byCount.sends).toHaveLength(0)
    void counted.add(eventOf(1, 2))
    expect(sequencesOf(byCount.sends)).toEqual([['1:1', '1:2']])

    const bytes = bytesOf(JSON.stringify(eventOf(1, 1)))
    const bySize = manualTransport({ ...large, bytesMax: bytes * 3 })
    const sized = createBatcher({ transport: bySize.transport })
    for (const agent of [1, 2, 3]) void sized.add(eventOf(agent, 1))
    expect(sequencesOf(bySize.sends)).toEqual([['1:1', '2:1']])
  })

  it('has nothing of an agent of which another is under way, and takes what waits for it at once', async () => {
    const { transport, sends } = manualTransport({ ...large, eventsMax: 2 })
    const batcher = createBatcher({ transport, lingerMs: 60_000 })
    for (const sequence of [1, 2, 3]) void batcher.add(eventOf(1, sequence))
    void batcher.add(eventOf(2, 1))
    void batcher.add(eventOf(3, 1))
    expect(sequencesOf(sends)).toEqual([
      ['1:1', '1:2'],
      ['2:1', '3:1'],
    ])
    sends[0]?.answer()
    await settledSoon()
    expect(sequencesOf(sends)).toEqual([['1:1', '1:2'], ['2:1', '3:1'], ['1:3']])
  })

  it('begins with agents that had no turn: one that says much does not hold up the others', async () => {
    const { transport, sends } = manualTransport({ ...large, eventsMax: 2 })
    const batcher = createBatcher({ transport, sendsAtOnceMax: 1 })
    for (const sequence of [1, 2, 3, 4, 5, 6]) void batcher.add(eventOf(1, sequence))
    void batcher.add(eventOf(2, 1))
    sends[0]?.answer()
    await settledSoon()
    expect(sequencesOf(sends)[1]).toEqual(['2:1', '1:3'])
  })
})

describe('an event', () => {
  it('is told what became of it', async () => {
    const { transport, sends } = manualTransport(large)
    const batcher = createBatcher({ transport })
    const added = [1, 2, 3].map((sequence) => batcher.add(eventOf(1, sequence)))
    void batcher.flush()
    const problem = { code: 'bad-data', field: 'data.step', rule: 'must be acted' } as const
    sends[0]?.answer([
      { status: 'accepted', verdict: 'applied' },
      { status: 'refused', problem },
    ])
    expect(await Promise.allSettled(added)).toMatchObject([
      { value: { verdict: 'applied' } },
      { reason: { code: 'event-refused', problem, message: 'bad-data: data.step must be acted' } },
      { reason: { code: 'not-sent' } },
    ])
  })

  it('whose batch fails is told so, with the cause; others go on', async () => {
    const { transport, sends } = manualTransport(large)
    const batcher = createBatcher({ transport })
    const lost = batcher.add(eventOf(1, 1))
    const flushed = batcher.flush()
    sends[0]?.fail()
    await expect(lost).rejects.toMatchObject({ code: 'not-sent', cause: { message: 'the network is away' } })
    await flushed
    const next = batcher.add(eventOf(1, 2))
    void batcher.flush()
    sends[1]?.answer()
    await expect(next).resolves.toEqual({ status: 'accepted' })
  })

  it('that fits into no batch is refused', async () => {
    const { transport } = manualTransport({ ...large, bytesMax: 1000 })
    const batcher = createBatcher({ transport })
    const added = batcher.add(eventOf(1, 1, 'ü'.repeat(500)))
    await expect(added).rejects.toMatchObject({ code: 'event-refused', problem: { code: 'too-large' } })
    await batcher.close()
  })

  it('is not taken when too much waits, until there is room', async () => {
    const { transport, sends } = manualTransport(large)
    const batcher = createBatcher({ transport, bufferBytesMax: 100 })
    const first = batcher.add(eventOf(1, 1, 'x'.repeat(100)))
    await expect(batcher.add(eventOf(2, 1))).rejects.toMatchObject({ code: 'buffer-full' })
    const ready = batcher.ready()
    void batcher.flush()
    sends[0]?.answer()
    await ready
    const second = batcher.add(eventOf(2, 1))
    void batcher.flush()
    sends[1]?.answer()
    await Promise.all([first, second])
  })

  it('is not taken by a batcher that is closed, which has sent all it had', async () => {
    const { transport, sends } = manualTransport(large)
    const batcher = createBatcher({ transport, lingerMs: 60_000 })
    const added = batcher.add(eventOf(1, 1))
    const closed = batcher.close()
    await expect(batcher.add(eventOf(1, 2))).rejects.toMatchObject({ code: 'batcher-closed' })
    sends[0]?.answer()
    await Promise.all([added, closed])
    expect(sequencesOf(sends)).toEqual([['1:1']])
  })
})

describe('whatever comes, and however sends end', () => {
  const adds = fc.array(
    fc.record({ agent: fc.nat(4), filling: fc.string({ unit: 'binary', maxLength: 60 }), pauses: fc.boolean() }),
    { minLength: 1, maxLength: 60 },
  )
  const limits = fc.record({ bytesMax: fc.integer({ min: 700, max: 2000 }), eventsMax: fc.integer({ min: 1, max: 9 }) })
  const fates = fc.infiniteStream(fc.constantFrom('accept', 'accept', 'accept', 'fail'))

  it('no batch is too large, no event is lost or sent twice, and each agent keeps its order', async () => {
    await fc.assert(
      fc.asyncProperty(
        adds,
        limits,
        fates,
        fc.integer({ min: 1, max: 4 }),
        fc.scheduler(),
        async (steps, limit, fate, atOnce, scheduler) => {
          const sent: TestEvent[] = []
          const failed = new Set<string>()
          const agentsUnderWay = new Set<string>()
          const transport: Transport = {
            ...limit,
            send: async (batch) => {
              const events = decode(batch)
              const agents = new Set(events.map(({ subject }) => subject))
              expect(batch.length).toBeLessThanOrEqual(limit.eventsMax)
              expect(bytesOf(messageText(batch.map(({ text }) => text)))).toBeLessThanOrEqual(limit.bytesMax)
              for (const agent of agents) {
                expect(agentsUnderWay.has(agent)).toBe(false)
                agentsUnderWay.add(agent)
              }
              expect(agentsUnderWay.size).toBeGreaterThan(0)
              sent.push(...events)
              await scheduler.schedule(Promise.resolve())
              for (const agent of agents) agentsUnderWay.delete(agent)
              if (fate.next().value === 'accept') return batch.map(() => ({ status: 'accepted' }))
              for (const event of events) failed.add(JSON.stringify(event))
              throw new Error('lost')
            },
          }
          const batcher = createBatcher({ transport, lingerMs: 0, sendsAtOnceMax: atOnce })
          const sequences = [0, 0, 0, 0, 0]
          const added: TestEvent[] = []
          const results: Promise<'accepted' | 'not accepted'>[] = []
          for (const { agent, filling, pauses } of steps) {
            const sequence = (sequences[agent] = (sequences[agent] ?? 0) + 1)
            const event = eventOf(agent, sequence, filling)
            added.push(event)
            results.push(
              batcher.add(event).then(
                () => 'accepted',
                () => 'not accepted',
              ),
            )
            if (pauses) await Promise.race([scheduler.waitNext(1), settledSoon()])
          }
          const closed = batcher.close()
          await scheduler.waitFor(closed)
          expect(await Promise.all(results)).toEqual(
            added.map((event) => (failed.has(JSON.stringify(event)) ? 'not accepted' : 'accepted')),
          )
          expect(sent).toHaveLength(added.length)
          for (const subject of new Set(added.map((event) => event.subject)))
            expect(sent.filter((event) => event.subject === subject)).toEqual(
              added.filter((event) => event.subject === subject),
            )
        },
      ),
      { numRuns: 300 },
    )
  })
})
