import fc from 'fast-check'
import protobuf from 'protobufjs'
import { expect, test } from 'vitest'
import { fromJson, toJson } from './proto-json.ts'
import { loadProtos } from './protos.ts'

const pubsub = loadProtos('pubsub')
const subscription = pubsub.lookupType('google.pubsub.v1.Subscription')
const update = pubsub.lookupType('google.pubsub.v1.UpdateTopicRequest')
const { root } = protobuf.parse(
  `syntax = "proto3"; message All {
    int32 a_number = 1; int64 long = 2; uint32 unsigned = 3; double real = 4; bytes raw = 5; bool yes = 6;
    repeated string list = 7; map<string, All> tree = 8; Colour colour = 9; oneof one { string left = 10; int32 right = 11; }
    optional int32 maybe = 12; enum Colour { RED = 0; BLUE = 1; } }`,
  { keepCase: true },
)
const all = root.lookupType('All')

test('a message keeps its value through JSON and back', () => {
  const json = {
    name: 'projects/p/subscriptions/s',
    topic: 'projects/p/topics/t',
    ackDeadlineSeconds: 77,
    labels: { a: 'b' },
    messageRetentionDuration: '604800.500s',
    enableMessageOrdering: true,
    expirationPolicy: {},
    state: 'ACTIVE',
    pushConfig: { pushEndpoint: 'http://h/', noWrapper: { writeMetadata: true } },
  }
  const bytes = subscription.encode(fromJson(subscription, json)).finish()
  expect(toJson(subscription, subscription.decode(bytes))).toEqual(json)
})

test('names of the definition are taken too, and what is at its default is not printed', () => {
  const message = fromJson(subscription, { ack_deadline_seconds: '12', labels: {}, detached: false, filter: null })
  expect(toJson(subscription, message)).toEqual({ ackDeadlineSeconds: 12 })
})

test('a field mask comes in camel case and is kept in snake case', () => {
  const message = fromJson(update, { updateMask: 'messageRetentionDuration,labels' })
  expect(message).toMatchObject({ updateMask: { paths: ['message_retention_duration', 'labels'] } })
})

test('presence is kept where it means something', () => {
  const json = { right: 0, maybe: 0, aNumber: 0, tree: { x: {} } }
  expect(toJson(all, fromJson(all, json))).toEqual({ right: 0, maybe: 0, tree: { x: {} } })
})

const refusals: [json: unknown, details: string][] = [
  [{ foo: 1 }, 'Invalid JSON payload received. Unknown name "foo": Cannot find field.'],
  [{ tree: { x: { foo: 1 } } }, `Invalid JSON payload received. Unknown name "foo" at 'tree[x]': Cannot find field.`],
  [{ a_number: 'x' }, `Invalid value at 'a_number' (TYPE_INT32), "x"`],
  [{ aNumber: 2 ** 31 }, `Invalid value at 'a_number' (TYPE_INT32), 2147483648`],
  [{ unsigned: -1 }, `Invalid value at 'unsigned' (TYPE_UINT32), -1`],
  [{ long: '9223372036854775808' }, `(TYPE_INT64), "9223372036854775808"`],
  [{ yes: 'true' }, `Invalid value at 'yes' (TYPE_BOOL), "true"`],
  [{ raw: '*' }, `Invalid value at 'raw' (TYPE_BYTES), "*"`],
  [{ colour: 'GREEN' }, `Invalid value at 'colour' (type.googleapis.com/All.Colour), "GREEN"`],
  [{ left: '', right: 1 }, `oneof field 'one' is already set`],
  [{ list: ['a', 1] }, `Invalid value at 'list[1]' (TYPE_STRING), 1`],
  [[], 'Root element must be a message'],
]

test.each(refusals)('%j is refused with its place', (json, details) => {
  expect(() => fromJson(all, json)).toThrow(
    expect.objectContaining({ code: 3, details: expect.stringContaining(details) as string }) as Error,
  )
})

test.each([
  ['0s', 0, 0],
  ['-1.500s', -1, -500_000_000],
  ['3.000000001s', 3, 1],
])('the duration %s', (text, seconds, nanos) => {
  const duration = pubsub.lookupType('google.protobuf.Duration')
  expect(fromJson(duration, text)).toMatchObject({ seconds, nanos })
  expect(toJson(duration, fromJson(duration, text))).toBe(text)
})

test.each([
  ['2026-11-20T22:10:11Z', '2026-11-20T22:10:11Z'],
  ['2026-11-20T22:10:11.5+01:00', '2026-11-20T21:10:11.500Z'],
  ['1969-12-31T23:59:59.999999999Z', '1969-12-31T23:59:59.999999999Z'],
])('the timestamp %s', (text, printed) => {
  const timestamp = pubsub.lookupType('google.protobuf.Timestamp')
  expect(toJson(timestamp, fromJson(timestamp, text))).toBe(printed)
})

test.each(['2026-02-30T00:00:00Z', '2026-01-01', '', 5, '5', '1.s'])('%j is no timestamp and no duration', (json) => {
  const request = pubsub.lookupType('google.pubsub.v1.SeekRequest')
  expect(() => fromJson(request, { time: json })).toThrow(expect.objectContaining({ code: 3 }) as Error)
  expect(() => fromJson(subscription, { messageRetentionDuration: json })).toThrow(
    expect.objectContaining({ code: 3 }) as Error,
  )
})

test('whatever JSON comes, it is read or refused, and what is read can be encoded', () => {
  const names = fc.constantFrom(
    'aNumber',
    'long',
    'real',
    'raw',
    'list',
    'tree',
    'colour',
    'left',
    'maybe',
    '__proto__',
  )
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(fc.jsonValue(), fc.dictionary(names, tie('json')), fc.array(tie('json'), { maxLength: 3 })),
  }))
  fc.assert(
    fc.property(json, (value) => {
      try {
        const bytes = all.encode(fromJson(all, value)).finish()
        const printed = toJson(all, all.decode(bytes))
        expect(toJson(all, fromJson(all, printed))).toEqual(printed)
      } catch (error) {
        expect(error).toMatchObject({ code: 3 })
      }
    }),
    { numRuns: 1000 },
  )
})
