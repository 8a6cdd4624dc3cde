import { Code, StatusError } from '../../wire/status-error.ts'
import { invalidArgument } from '../errors.ts'
import type { PubsubMessage } from '../messages.ts'
import { DELETED_SCHEMA } from '../names.ts'
import { Encoding, mismatch, SchemaType } from './definition.ts'
import type { Revision, SchemaStore } from './schema-store.ts'

/** google.pubsub.v1.SchemaSettings */
export interface SchemaSettings {
  schema: string
  /** `Encoding` */
  encoding: number
  /** Empty for no bound. */
  firstRevisionId: string
  /** Empty for no bound. */
  lastRevisionId: string
}

const encodingName = (encoding: number): string => (encoding === Encoding.BINARY ? 'BINARY' : 'JSON')

export const checkEncoding = (field: string, encoding: number): void => {
  if (encoding !== Encoding.JSON && encoding !== Encoding.BINARY) {
    throw invalidArgument(`You have passed an invalid argument to the service (argument=${field}).`)
  }
}

/** Throws NOT_FOUND for a schema or a revision that is not there, INVALID_ARGUMENT for settings that make no sense. */
export const checkSchemaSettings = (schemas: SchemaStore, settings: SchemaSettings): void => {
  const { schema: name, encoding, firstRevisionId, lastRevisionId } = settings
  const schema = schemas.get(name)
  checkEncoding('schema_settings.encoding', encoding)
  for (const id of [firstRevisionId, lastRevisionId]) if (id !== '') schema.revision(id)
  if (schema.range(firstRevisionId, lastRevisionId).length === 0) {
    throw invalidArgument('Invalid schema settings: first_revision_id must not be after last_revision_id.')
  }
}

const dataError = (type: number, encoding: number, revisionInfo: string): StatusError =>
  new StatusError(Code.INVALID_ARGUMENT, 'Invalid data in message: Message failed schema validation.', {
    reason: `INVALID_${encodingName(encoding)}_${type === SchemaType.AVRO ? 'AVRO' : 'PROTO'}_MESSAGE`,
    domain: 'pubsub.googleapis.com',
    metadata: { message: 'Message failed schema validation', ...(revisionInfo && { revisionInfo }) },
  })

/** Throws INVALID_ARGUMENT unless `data` fits one of the revisions; returns the first that it fits. */
export const matchRevision = (revisions: readonly Revision[], encoding: number, data: Uint8Array): Revision => {
  let reason = ''
  for (const revision of revisions) {
    const found = mismatch(revision.definition, encoding, data)
    if (found === undefined) return revision
    reason = found
  }
  const last = revisions.at(-1)?.resource
  const info =
    last?.revisionId &&
    `Could not validate message with any schema revision for schema: ${last.name}, last checked revision: revision_id=${last.revisionId} failed with status: ${reason}.`
  throw dataError(last?.type ?? SchemaType.AVRO, encoding, info ?? '')
}

/**
 * Checks messages on their way into a topic, and notes on each which revision it fits: the newest that the settings
 * allow. Throws INVALID_ARGUMENT for all when one fits none.
 */
export const applySchema = (
  schemas: SchemaStore,
  settings: SchemaSettings,
  messages: readonly PubsubMessage[],
): void => {
  if (settings.schema === DELETED_SCHEMA) {
    throw new StatusError(Code.FAILED_PRECONDITION, 'The schema of the topic was deleted.')
  }
  const revisions = schemas.get(settings.schema).range(settings.firstRevisionId, settings.lastRevisionId)
  const matched = messages.map(({ data }) => matchRevision(revisions, settings.encoding, data))
  messages.forEach((message, index) => {
    message.attributes = {
      ...message.attributes,
      googclient_schemaencoding: encodingName(settings.encoding),
      googclient_schemaname: settings.schema,
      googclient_schemarevisionid: matched[index]?.resource.revisionId ?? '',
    }
  })
}
