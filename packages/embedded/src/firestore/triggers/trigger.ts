import { Code, StatusError } from '../../wire/status-error.ts'
import type { CommitEvent, DocumentChange } from '../store/database.ts'
import { compilePath, compilePattern, type Matches } from './pattern.ts'

type Change = 'created' | 'updated' | 'deleted'

/** A function of the suite that is to hear of changes of documents. */
export interface Trigger {
  /** 1: a legacy event in JSON; 2: a CloudEvent with protobuf. */
  readonly generation: 1 | 2
  readonly project: string
  /** What the functions emulator calls it: `{region}-{name}-{number}`. */
  readonly key: string
  /** As it was registered, which is how it is sent. */
  readonly eventType: string
  readonly database: string
  readonly matches: Matches
  readonly changes: readonly Change[]
}

const ALL: readonly Change[] = ['created', 'updated', 'deleted']
const CHANGES: Readonly<Record<string, readonly Change[]>> = {
  create: ['created'],
  created: ['created'],
  update: ['updated'],
  updated: ['updated'],
  delete: ['deleted'],
  deleted: ['deleted'],
  write: ALL,
  written: ALL,
}

const FIRST_GENERATION =
  /^(?:providers\/cloud\.firestore\/eventTypes\/|google\.firestore\.)document\.(?<change>create|update|delete|write)$/
const SECOND_GENERATION =
  /^google\.cloud\.firestore\.document\.v1\.(?<change>created|updated|deleted|written)(?:\.withAuthContext)?$/
const RESOURCE = /^projects\/[^/]+\/databases\/(?<database>[^/]+)\/documents\/(?<pattern>.+)$/

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const objectIn = (json: unknown, name: string): Record<string, unknown> => {
  if (typeof json !== 'object' || json === null) throw invalid(`${name} must be an object`)
  return json as Record<string, unknown>
}

const textIn = (json: unknown, name: string): string => {
  if (typeof json !== 'string' || json === '') throw invalid(`${name} must be a string that is not empty`)
  return json
}

const changesOf = (eventType: string, known: RegExp): readonly Change[] => {
  const changes = CHANGES[known.exec(eventType)?.groups?.['change'] ?? '']
  if (!changes) throw invalid(`eventType "${eventType}" is none of Firestore`)
  return changes
}

/** The body of `PUT .../triggers/{key}`. Throws INVALID_ARGUMENT. */
export const parseFirstGeneration = (project: string, key: string, body: unknown): Trigger => {
  const event = objectIn(objectIn(body, 'the body')['eventTrigger'], 'eventTrigger')
  const eventType = textIn(event['eventType'], 'eventTrigger.eventType')
  const { groups } = RESOURCE.exec(textIn(event['resource'], 'eventTrigger.resource')) ?? {}
  if (!groups) throw invalid('eventTrigger.resource must be projects/{p}/databases/{d}/documents/{pattern}')
  return {
    generation: 1,
    project,
    key,
    eventType,
    database: groups['database'] as string,
    matches: compilePattern(groups['pattern'] as string),
    changes: changesOf(eventType, FIRST_GENERATION),
  }
}

const NO_DOCUMENT: Matches = () => false

/** The body of `POST .../eventarcTrigger?eventarcTriggerId={key}`. Throws INVALID_ARGUMENT. */
export const parseSecondGeneration = (project: string, key: string, body: unknown): Trigger => {
  const event = objectIn(body, 'the body')
  const eventType = textIn(event['eventType'], 'eventType')
  const document = objectIn(event['document'], 'document')
  const value = textIn(document['value'], 'document.value')
  // Native databases have no other namespace.
  const exists = [undefined, '', '(default)'].includes(event['namespace'] as string | undefined)
  const compile = document['matchType'] === 'EXACT' ? compilePath : compilePattern
  return {
    generation: 2,
    project,
    key,
    eventType,
    database: textIn(event['database'], 'database'),
    matches: exists ? compile(value) : NO_DOCUMENT,
    changes: changesOf(eventType, SECOND_GENERATION),
  }
}

export const changeOf = ({ before, after }: DocumentChange): Change =>
  after.fields ? (before ? 'updated' : 'created') : 'deleted'

/** Whether the trigger is for a change of a commit. */
export const fires = (trigger: Trigger, { database }: CommitEvent, change: DocumentChange): boolean =>
  database.name === `projects/${trigger.project}/databases/${trigger.database}` &&
  trigger.changes.includes(changeOf(change)) &&
  trigger.matches(change.node.segments)
