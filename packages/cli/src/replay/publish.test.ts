import { expect, test } from 'vitest'
import { heartbeatEvent, type WireEvent } from '../events.ts'
import { publishAll } from './publish.ts'

const sender = { agentId: 'a', tenant: 'demo', region: 'local', tier: 'standard' } as const
const events = Array.from({ length: 1000 }, () => heartbeatEvent(sender, { silenceBoundSeconds: 15 }))

test('every event is published once, in order, and never further ahead than allowed', async () => {
  const published: WireEvent[] = []
  let folded = 0
  let furthest = 0
  const publish = async (event: WireEvent) => {
    published.push(event)
    furthest = Math.max(furthest, published.length - folded)
    await Promise.resolve()
    folded = Math.min(published.length, folded + 1)
  }
  const signal = new AbortController().signal
  await publishAll({ publish }, events, { aheadMax: 30, folded: () => folded, signal, onPublished: () => {} })
  expect(published).toEqual(events)
  expect(furthest).toBeLessThanOrEqual(30)
})

test('it waits for what is folded, and gives up when it is stopped', async () => {
  const stop = new AbortController()
  const onPublished = (count: number) => {
    if (count === 30) stop.abort()
  }
  const options = { aheadMax: 30, folded: () => 0, signal: stop.signal, onPublished }
  await expect(publishAll({ publish: () => Promise.resolve() }, events, options)).rejects.toThrow('abort')
})
