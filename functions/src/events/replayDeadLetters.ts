import type { Context } from '../runtime/context.ts'
import { messageOf } from '../runtime/failure.ts'
import { log } from '../runtime/log.ts'
import { onTick } from '../runtime/on-tick.ts'
import { createLetters } from './letters/letters.ts'
import { createReplays } from './letters/replays.ts'

const workSeconds = 45
// A letter that is replaying for longer was left so by a worker that died.
const leftSeconds = 60
const leftMax = 100

/** Goes on with replays that are not at their end, and with single letters that somebody began to replay and left. */
export const replayDeadLetters = onTick(
  'events-replayDeadLetters',
  { maxInstances: 1, timeoutSeconds: 55, memory: '256MiB' },
  async (context: Context) => {
    const letters = createLetters(context)
    const replays = createReplays(context, letters)
    const isLeft = (since: string) => Date.parse(since) <= context.nowMs() - leftSeconds * 1000
    const replaying = await letters.page({ status: 'replaying' }, leftMax, null)
    const left = replaying.filter(
      ({ document: { life } }) => life.status === 'replaying' && life.by === null && isLeft(life.since),
    )
    const settled = await Promise.allSettled([
      ...left.map(({ id }) => letters.replay(id)),
      ...(await replays.running()).map(({ id }) => replays.work(id, workSeconds)),
    ])
    for (const result of settled)
      if (result.status === 'rejected')
        log.error('replay failed, to be gone on with', { error: messageOf(result.reason) })
  },
)
