import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { json } from 'node:stream/consumers'
import type { ArchivedEvent } from '@infinity-matrix/archive'
import { reportJson, testNowMs } from '@infinity-matrix/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { replayEvents, type Cursor, type Target } from './replay.ts'
import { webhookTarget } from './webhook.ts'

const signal = new AbortController().signal

const eventOf = (agentId: string, sequence: number, afterMs = sequence): ArchivedEvent => ({
  agentId,
  publishedAt: new Date(testNowMs + afterMs).toISOString(),
  raw: JSON.stringify(reportJson('agent.step-taken.v1', sequence, { step: 'acted' }, { agentId })),
})
const nameOf = ({ raw }: ArchivedEvent) => {
  const { subject, sequence } = JSON.parse(raw) as { subject: string; sequence: number }
  return `${subject.slice('agents/'.length)} ${sequence}`
}
const archived = ['a', 'b', 'c'].flatMap((agentId) =>
  Array.from({ length: 120 }, (_, index) => eventOf(agentId, index + 1, Math.floor(index / 3))),
)
async function* all() {
  yield* archived
}

/** A target that remembers, and fails when it is to take its `failsAt`th part. */
const remembering = (failsAt = Infinity) => {
  const sent: string[] = []
  let parts = 0
  const target: Target = async (events) => {
    if (++parts === failsAt) throw new Error('killed')
    sent.push(...events.map(nameOf))
  }
  return { sent, target }
}

describe('a replay', () => {
  it('sends everything in order', async () => {
    const { sent, target } = remembering()
    const replayed = await replayEvents(all(), target, { after: undefined, keep: async () => {}, signal })
    expect([replayed, sent]).toEqual([{ sent: 360, skipped: 0 }, archived.map(nameOf)])
  })

  it.each([1, 2, 3, 4])('that dies at part %d goes on after what was sent, wherever that was', async (failsAt) => {
    let kept: Cursor | undefined
    const keep = async (cursor: Cursor) => void (kept = cursor)
    const first = remembering(failsAt)
    await expect(replayEvents(all(), first.target, { after: undefined, keep, signal })).rejects.toThrow('killed')
    const second = remembering()
    const replayed = await replayEvents(all(), second.target, { after: kept, keep, signal })
    expect(replayed.skipped).toBe(first.sent.length)
    expect([...first.sent, ...second.sent]).toEqual(archived.map(nameOf))
  })
})

/** An endpoint that answers with these codes, one after the other, and then with 204. */
const startEndpoint = async (...codes: number[]) => {
  const taken: { name: string; type: string | undefined }[] = []
  const answer = async (request: IncomingMessage): Promise<number> => {
    const code = codes.shift() ?? 204
    const raw = JSON.stringify(await json(request))
    if (code < 300)
      taken.push({ name: nameOf({ agentId: '', publishedAt: '', raw }), type: request.headers['content-type'] })
    return code
  }
  const server = createServer((request, response) => {
    void answer(request).then((code) => response.writeHead(code).end())
  }).listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  onTestFinished(() => new Promise((resolve) => server.close(() => resolve())))
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, taken }
}

describe('an endpoint', () => {
  const options = { ratePerSecond: 1000, retries: 3, signal }

  it('gets CloudEvents, those of an agent in order, also after it was away', async () => {
    const { url, taken } = await startEndpoint(503)
    await webhookTarget(url, options)([eventOf('a', 1), eventOf('b', 1), eventOf('a', 2), eventOf('a', 3)])
    expect(taken.filter(({ name }) => name.startsWith('a')).map(({ name }) => name)).toEqual(['a 1', 'a 2', 'a 3'])
    expect(taken).toHaveLength(4)
    expect(taken[0]?.type).toBe('application/cloudevents+json')
  })

  it('that refuses an event ends the replay at once', async () => {
    const { url, taken } = await startEndpoint(400)
    await expect(webhookTarget(url, options)([eventOf('a', 1), eventOf('a', 2)])).rejects.toThrow(`${url} answered 400`)
    expect(taken).toEqual([])
  })
})
