import { createHash } from 'node:crypto'
import protobuf from 'protobufjs'
import type { Principal } from '../access/principal.ts'
import { compactJson, type JsonOut } from '../rest/json-text.ts'
import { writeDocument } from '../rest/value-json.ts'
import { writeTimestamp } from '../rest/well-known.ts'
import type { DocumentChange } from '../store/database.ts'
import type { LiveVersion } from '../store/tree.ts'
import { encodeDocument, type DocumentMessage } from '../values/codec.ts'
import { Timestamp } from '../values/value.ts'
import type { Trigger } from './trigger.ts'
import { updateMask } from './update-mask.ts'

/** What the functions emulator is asked. */
export interface Delivery {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** What a function is to hear of. */
export interface Occurrence {
  readonly trigger: Trigger
  readonly change: DocumentChange
  /** Who wrote; null when that is not known. */
  readonly by: Principal | null
}

const SERVICE = 'firestore.googleapis.com'
const SCHEMA =
  'https://github.com/googleapis/google-cloudevents/blob/main/proto/google/events/cloud/firestore/v1/data.proto'

interface Documents {
  readonly value: DocumentMessage | undefined
  readonly oldValue: DocumentMessage | undefined
  readonly mask: readonly string[]
}

const documentsOf = ({ node, before, after }: DocumentChange): Documents => ({
  value: after.fields ? node.toMessage(after as LiveVersion) : undefined,
  oldValue: before ? node.toMessage(before) : undefined,
  mask: before && after.fields ? updateMask(before.fields, after.fields) : [],
})

/** One and the same for every attempt to deliver an event, as an UUID. */
const eventId = ({ key }: Trigger, { node, after }: DocumentChange): string => {
  const digest = createHash('sha256').update(`${key}\n${node.name}\n${after.time}`).digest('hex')
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    digest.slice(12, 16),
    digest.slice(16, 20),
    digest.slice(20, 32),
  ].join('-')
}

/** google.events.cloud.firestore.v1.DocumentEventData */
const encodeEventData = ({ value, oldValue, mask }: Documents): Uint8Array => {
  const writer = protobuf.Writer.create()
  if (value) encodeDocument(value, writer.uint32((1 << 3) | 2).fork()).ldelim()
  if (oldValue) encodeDocument(oldValue, writer.uint32((2 << 3) | 2).fork()).ldelim()
  writer.uint32((3 << 3) | 2).fork()
  for (const path of mask) writer.uint32((1 << 3) | 2).string(path)
  return writer.ldelim().finish()
}

// As the HTTP binding of CloudEvents 1.0 has it (section 3.1.3.2), but for `%`, since the functions emulator decodes nothing.
const headerText = (text: string): string => text.replace(/[^\x20-\x7e]+/gu, encodeURIComponent)

/**
 * Who wrote, as production has it (firebase-functions, `AuthType`): a user is `unknown` with the id, and what server
 * clients do is done by a service account, whose name an emulator does not know.
 */
const authContext = (by: Principal | null, project: string): Record<string, string> => {
  if (!by) return { 'ce-authtype': 'system' }
  if (by.kind === 'owner')
    return { 'ce-authtype': 'service_account', 'ce-authid': `${project}@appspot.gserviceaccount.com` }
  if (!by.claims) return { 'ce-authtype': 'unauthenticated' }
  const id = by.claims['sub'] ?? by.claims['user_id']
  return { 'ce-authtype': 'unknown', ...(typeof id === 'string' && { 'ce-authid': headerText(id) }) }
}

const cloudEvent = ({ trigger, change, by }: Occurrence): Delivery => {
  const { key, project, database, eventType } = trigger
  const document = headerText(change.node.segments.join('/'))
  const [area = '', region = ''] = key.split('-')
  return {
    path: `/functions/projects/${project}/triggers/${key}`,
    headers: {
      'content-type': 'application/protobuf',
      'ce-specversion': '1.0',
      'ce-id': eventId(trigger, change),
      'ce-type': eventType,
      'ce-source': `//${SERVICE}/projects/${project}/databases/${database}`,
      'ce-subject': `documents/${document}`,
      'ce-time': writeTimestamp(Timestamp.fromMicros(change.after.time)),
      'ce-datacontenttype': 'application/protobuf',
      'ce-dataschema': SCHEMA,
      'ce-location': `${area}-${region}`,
      'ce-project': project,
      'ce-database': database,
      'ce-namespace': '(default)',
      'ce-document': document,
      ...(eventType.endsWith('.withAuthContext') && authContext(by, project)),
    },
    // In Base64 whatever the content type: the functions emulator takes it for that.
    body: Buffer.from(encodeEventData(documentsOf(change))).toString('base64'),
  }
}

const json = (entries: Readonly<Record<string, JsonOut | undefined>>): JsonOut =>
  new Map(Object.entries(entries).filter((entry): entry is [string, JsonOut] => entry[1] !== undefined))

const legacyEvent = ({ trigger, change }: Occurrence): Delivery => {
  const { value, oldValue, mask } = documentsOf(change)
  const event = json({
    data: json({
      value: value && writeDocument(value),
      oldValue: oldValue && writeDocument(oldValue),
      updateMask: json({ fieldPaths: mask.length > 0 ? mask : undefined }),
    }),
    context: json({
      eventId: eventId(trigger, change),
      timestamp: writeTimestamp(Timestamp.fromMicros(change.after.time)),
      eventType: trigger.eventType,
      resource: json({ name: change.node.name, service: SERVICE }),
    }),
  })
  return {
    path: `/functions/projects/${trigger.project}/triggers/${trigger.key}`,
    headers: { 'content-type': 'application/json' },
    body: compactJson(event),
  }
}

/**
 * A change as the functions emulator is told of it, which is as Google's emulator does: a CloudEvent in binary mode, or
 * for the first generation an event of its own form (firebase-tools, `lib/emulator/functionsEmulator.js`).
 */
export const deliveryOf = (occurrence: Occurrence): Delivery =>
  occurrence.trigger.generation === 2 ? cloudEvent(occurrence) : legacyEvent(occurrence)
