import { topics, type TopicName } from './topics.ts'

/** BigQuery's dataset of what is kept beyond Firestore. */
export const archiveDataset = 'archive'

/** Every message of a topic, as it came, in a table partitioned by the hour of its publication. */
export interface ArchiveTable {
  topic: TopicName
  table: string
}

/**
 * What the archive keeps: all that agents publish. Pub/Sub writes the tables itself, by a BigQuery subscription of each
 * topic with `write_metadata`, at least once.
 */
export const archiveTables = {
  stateChanges: { topic: topics.stateChanges.name, table: 'agent_state_changes' },
  healthChecks: { topic: topics.healthChecks.name, table: 'system_health_checks' },
} as const satisfies Record<string, ArchiveTable>

/** The subscription that writes a topic's table. */
export const archiveSubscription = <Name extends TopicName>(topic: Name): `${Name}.archive` => `${topic}.archive`
