import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { IDLE_MS, Session, type BackChannel } from './session.ts'

beforeEach(() => {
  vi.useFakeTimers()
})
afterEach(() => {
  vi.useRealTimers()
})

const KEEP_ALIVE_MS = 30_000

interface Recorded extends BackChannel {
  /** The arrays of each chunk. */
  readonly chunks: [number, unknown][][]
  ended: boolean
}

const backChannel = (streaming = true): Recorded => ({
  streaming,
  keepAliveMs: KEEP_ALIVE_MS,
  chunks: [],
  ended: false,
  write(text) {
    const newline = text.indexOf('\n')
    expect(Number(text.slice(0, newline))).toBe(text.length - newline - 1)
    this.chunks.push(JSON.parse(text.slice(newline + 1)) as [number, unknown][])
  },
  end() {
    this.ended = true
  },
})

const open = () => {
  const log: string[] = []
  const session = new Session({
    onMessage: (text) => log.push(text),
    onRoom: () => log.push('room'),
    onEnd: () => log.push('end'),
  })
  return { session, log }
}

const turn = () => vi.advanceTimersByTime(0)

describe('arrays to the client', () => {
  test('wait for a back channel and go out in one chunk', () => {
    const { session } = open()
    session.send('["a"]')
    session.send('["b"]')
    turn()
    const back = backChannel()
    session.attach(back)
    session.send('["c"]')
    turn()
    expect(back.chunks).toEqual([
      [
        [1, ['a']],
        [2, ['b']],
      ],
      [[3, ['c']]],
    ])
  })

  test('are sent again over the next back channel, but for those the client has', () => {
    const { session } = open()
    const first = backChannel()
    session.attach(first)
    for (const text of ['["a"]', '["b"]', '["c"]']) session.send(text)
    turn()
    session.detach(first)
    session.acknowledge(2)
    const second = backChannel()
    session.attach(second)
    expect(second.chunks).toEqual([
      [
        [3, ['b']],
        [4, ['c']],
      ],
    ])
  })

  test('follow a noop, by which the client knows that nothing holds the stream back', () => {
    const { session } = open()
    const back = backChannel()
    session.attach(back)
    expect(back.chunks).toEqual([[[1, ['noop']]]])
  })

  test('end the response of a client that polls, which waits for them', () => {
    const { session } = open()
    const first = backChannel(false)
    session.attach(first)
    expect([first.chunks, first.ended]).toEqual([[], false])
    session.send('["a"]')
    session.send('["b"]')
    turn()
    expect(first.chunks).toEqual([
      [
        [1, ['a']],
        [2, ['b']],
      ],
    ])
    expect(first.ended).toBe(true)
    session.acknowledge(2)
    const second = backChannel(false)
    session.attach(second)
    vi.advanceTimersByTime(KEEP_ALIVE_MS)
    expect([second.chunks, second.ended]).toEqual([[[[3, ['noop']]]], true])
  })

  test('go over the newest back channel; the one before is ended', () => {
    const { session } = open()
    const [first, second] = [backChannel(), backChannel()]
    session.attach(first)
    session.attach(second)
    session.detach(first)
    session.send('["a"]')
    turn()
    expect(first.ended).toBe(true)
    expect(second.chunks.at(-1)).toEqual([[2, ['a']]])
  })

  test('are too many until half of them are acknowledged', () => {
    const { session, log } = open()
    const half = JSON.stringify(['x'.repeat(600_000)])
    expect([session.send(half), session.send(half), session.send('[]')]).toEqual([true, false, false])
    session.acknowledge(0)
    expect(log).toEqual([])
    session.acknowledge(2)
    expect(log).toEqual(['room'])
    expect(session.send(half)).toBe(true)
  })

  test('of a megabyte end a back channel, so that the client acknowledges them', () => {
    const { session } = open()
    const back = backChannel()
    session.attach(back)
    session.send(JSON.stringify(['x'.repeat(1024 * 1024)]))
    turn()
    expect(back.ended).toBe(true)
    expect(session.state[0]).toBe(0)
  })
})

describe('messages of the client', () => {
  test('are taken once, in order', () => {
    const { session, log } = open()
    session.receive(0, ['a', 'b'])
    session.receive(1, ['b', 'c'])
    session.receive(0, ['a'])
    expect(log).toEqual(['a', 'b', 'c'])
  })

  test('that are missing are an error', () => {
    const { session } = open()
    expect(() => session.receive(1, ['b'])).toThrow(SyntaxError)
  })
})

describe('a session', () => {
  test('tells what it has sent and what of it is not acknowledged', () => {
    const { session } = open()
    expect(session.state).toEqual([0, 0, 0])
    session.attach(backChannel())
    session.send('["abc"]')
    turn()
    expect(session.state).toEqual([1, 2, '["noop"]'.length + '["abc"]'.length])
    session.acknowledge(2)
    expect(session.state).toEqual([1, 2, 0])
  })

  test('outlives its back channel for a while', () => {
    const { session, log } = open()
    const back = backChannel()
    session.attach(back)
    vi.advanceTimersByTime(10 * IDLE_MS)
    session.detach(back)
    vi.advanceTimersByTime(IDLE_MS - 1)
    session.receive(0, ['a'])
    vi.advanceTimersByTime(IDLE_MS - 1)
    expect(log).toEqual(['a'])
    vi.advanceTimersByTime(1)
    expect(log).toEqual(['a', 'end'])
  })

  test('ends once, and its back channel with it', () => {
    const { session, log } = open()
    const back = backChannel()
    session.attach(back)
    session.end()
    session.end()
    session.send('["late"]')
    session.receive(0, ['late'])
    turn()
    expect([log, back.ended, back.chunks.length]).toEqual([['end'], true, 1])
    expect(vi.getTimerCount()).toBe(0)
  })
})
