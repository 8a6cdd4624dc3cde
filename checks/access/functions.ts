// Functions, fired by what their rows name, and by what is like it.
import { createServer, type RequestListener } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import type { Firestore } from '@google-cloud/firestore'
import { collections, LedgerIntake } from '@infinity-matrix/contracts'
import { functionRows, type FunctionRow } from '@infinity-matrix/core/access'
import { z } from 'zod'
import * as rooms from '../../functions/src/index.ts'
import { eventOf } from '../../functions/src/runtime/testing.ts'
import type { Trial } from './trial.ts'

interface Attempt {
  by: string
  isOwn: boolean
  /** @returns the status that is answered; rejects where an event's function fails */
  fire: () => Promise<number>
}
type Run = (event: object) => Promise<unknown>

const deployed: Readonly<Record<string, unknown>> = Object.fromEntries(
  Object.entries(rooms).flatMap(([room, triggers]) =>
    Object.entries(triggers).map(([name, one]) => [`${room}-${name}`, one as unknown]),
  ),
)

const request = async (served: unknown, method: string, path: string, headers: Record<string, string> = {}) => {
  const server = createServer(served as RequestListener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const message = { messageId: '1', data: '', attributes: {}, publishTime: new Date().toISOString() }
  const { status } = await fetch(`http://127.0.0.1:${port}${path}`, {
    method,
    headers: { ...headers, 'content-type': 'application/json' },
    ...(method === 'POST' && { body: JSON.stringify({ message }) }),
  })
  server.close()
  return status
}

/** As IAM leaves it: verified, without its signature. */
const identityOf = (email: string) => ({
  authorization: `Bearer x.${Buffer.from(JSON.stringify({ email })).toString('base64url')}.`,
})

/** @param account as which Pub/Sub calls */
const attemptsOf = (name: string, row: FunctionRow, one: unknown, account: string): Attempt[] => {
  const run = async (event: object) => {
    await (one as { run: Run }).run(event)
    return 200
  }
  switch (row.firedBy) {
    case 'callers':
      return [{ by: 'anybody', isOwn: true, fire: () => request(one, 'GET', '/nothing') }]
    case 'push': {
      const push = (headers?: Record<string, string>) => () =>
        request(one, 'POST', `/v1/deliveries/${randomUUID()}`, headers)
      return [
        { by: 'nobody', isOwn: false, fire: push() },
        { by: 'another account', isOwn: false, fire: push(identityOf(`not-${account}`)) },
        { by: 'Pub/Sub', isOwn: true, fire: push(identityOf(account)) },
      ]
    }
    case 'topic': {
      const message = { messageId: randomUUID(), publishTime: new Date().toISOString(), data: '', attributes: {} }
      const fire = (topic: string, said?: { type?: string; source?: string }) => () =>
        run(eventOf(topic, message, said))
      const source = `//pubsub.googleapis.com/projects/another/topics/${row.topic}`
      return [
        { by: 'another topic', isOwn: false, fire: fire('another.topic') },
        { by: 'another project', isOwn: false, fire: fire(row.topic, { source }) },
        {
          by: 'another event',
          isOwn: false,
          fire: fire(row.topic, { type: 'google.cloud.storage.object.v1.finalized' }),
        },
        { by: row.topic, isOwn: true, fire: fire(row.topic) },
      ]
    }
    case 'schedule': {
      const fire = (jobName: string) => () => run({ jobName, scheduleTime: new Date().toISOString() })
      return [
        { by: 'nobody', isOwn: false, fire: fire('') },
        { by: 'another job', isOwn: false, fire: fire(`firebase-schedule-${name}Else-us-central1`) },
        { by: row.schedule, isOwn: true, fire: fire(`firebase-schedule-${name}-us-central1`) },
      ]
    }
    default:
      return row satisfies never
  }
}

const Entry = z.object({ outcome: z.string() })
const denials = async (firestore: Firestore): Promise<number> => {
  const { docs } = await firestore.collection(collections.ledgerIntake).get()
  const entries = docs.flatMap((document) => LedgerIntake.parse(document.data()).entries)
  return entries.filter((entry) => Entry.parse(JSON.parse(entry)).outcome === 'denied').length
}

/** Each function, as everything; what is refused must have left word of it. */
export const functionTrials = async (firestore: Firestore, account: string): Promise<Trial[]> => {
  const tryOne = async ({ fire }: Attempt): Promise<Trial['outcome']> => {
    const before = await denials(firestore)
    const status = await fire().catch(() => 500)
    const isRecorded = (await denials(firestore)) > before
    if (isRecorded) return status === 401 || status === 500 ? 'denied' : `answered ${status}`
    return status === 404 || status < 300 ? 'allowed' : `answered ${status}`
  }
  const trials: Trial[] = []
  for (const [name, row] of Object.entries(functionRows)) {
    const what = `function ${name}`
    const one = deployed[name]
    for (const attempt of attemptsOf(name, row, one, account)) {
      const who = { name: attempt.by, where: attempt.isOwn ? 'own' : 'other' } as const
      trials.push({ what, who, isMeant: attempt.isOwn, outcome: one ? await tryOne(attempt) : 'untested' })
    }
  }
  return trials
}
