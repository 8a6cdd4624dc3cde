import { checkDuration } from './durations.ts'
import { invalidArgument } from './errors.ts'
import { checkLabels } from './labels.ts'
import * as limits from './limits.ts'
import { checkMessageTransforms } from './message-transforms.ts'
import { STATE_ACTIVE, withFields, type TopicResource } from './messages.ts'
import type { SchemaStore } from './schemas/schema-store.ts'
import { checkSchemaSettings } from './schemas/topic-schema.ts'

const KMS_KEY = /^projects\/[^/]+\/locations\/[^/]+\/keyRings\/[^/]+\/cryptoKeys\/[^/]+$/

/**
 * The resource as production keeps it; `current` is what it takes the place of. Throws INVALID_ARGUMENT where production
 * would, NOT_FOUND for a schema there is not.
 */
export const checkTopic = (wanted: TopicResource, schemas: SchemaStore, current?: TopicResource): TopicResource => {
  checkLabels(wanted.labels)
  checkMessageTransforms(wanted.messageTransforms)
  if (wanted.kmsKeyName !== '' && !KMS_KEY.test(wanted.kmsKeyName)) {
    throw invalidArgument(`Invalid KMS key name given (name=${wanted.kmsKeyName}).`)
  }
  if (wanted.messageRetentionDuration) {
    checkDuration(
      'message_retention_duration',
      wanted.messageRetentionDuration,
      limits.RETENTION_SECONDS_MIN,
      limits.RETENTION_SECONDS_MAX,
    )
  }
  // Those it has stay, though a revision they name may be gone by now.
  if (wanted.schemaSettings && wanted.schemaSettings !== current?.schemaSettings) {
    checkSchemaSettings(schemas, wanted.schemaSettings)
  }
  return withFields(wanted, { state: STATE_ACTIVE })
}

/** Fields that UpdateTopic may change. */
export const UPDATABLE_TOPIC_FIELDS: ReadonlySet<string> = new Set([
  'ingestionDataSourceSettings',
  'kmsKeyName',
  'labels',
  'messageRetentionDuration',
  'messageStoragePolicy',
  'messageTransforms',
  'schemaSettings',
])
