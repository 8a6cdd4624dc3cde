import { functionRows, type FunctionFiredBy, type FunctionRow } from './policy.ts'

const place = 'packages/core/src/access/policy.ts'
const rows: Readonly<Record<string, FunctionRow>> = functionRows

/**
 * The row of a function, which is declared as fired in one of some ways.
 *
 * @throws where it has none, or one that says something else: then nothing loads that it is a part of
 */
export const functionRow = <By extends FunctionRow['firedBy']>(
  name: FunctionFiredBy<By>,
  ...ways: readonly By[]
): Extract<FunctionRow, { firedBy: By }> => {
  const row = Object.hasOwn(rows, name) ? rows[name] : undefined
  if (!row) throw new Error(`the function ${name} has no row in ${place}`)
  if (isOneOf(row, ways)) return row
  throw new Error(`the function ${name} is fired by ${row.firedBy}, says ${place}, and not by ${ways.join(' or ')}`)
}

const isOneOf = <By extends FunctionRow['firedBy']>(
  row: FunctionRow,
  ways: readonly By[],
): row is Extract<FunctionRow, { firedBy: By }> => ways.some((way) => way === row.firedBy)

/** What a CloudEvent says of itself. */
export interface Occurrence {
  type: string
  source: string
}

/**
 * Whether an event is a message of a topic in this project.
 *
 * @see https://cloud.google.com/eventarc/docs/cloudevents
 */
export const isOfTopic = ({ type, source }: Occurrence, topic: string, projectId: string): boolean =>
  type === 'google.cloud.pubsub.topic.v1.messagePublished' &&
  source === `//pubsub.googleapis.com/projects/${projectId}/topics/${topic}`

/** Whether a job of Cloud Scheduler is a function's own: `firebase deploy` puts the region after its name. */
export const isJobOf = (name: string, job: string): boolean =>
  `${job.slice(job.lastIndexOf('/') + 1)}-`.startsWith(`firebase-schedule-${name}-`)
