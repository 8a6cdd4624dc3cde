// Functions of a project of its own, which write down what they hear: `firestore-suite.test.ts` puts them into the suite.
import { initializeApp } from 'firebase-admin/app'
import { getFirestore } from 'firebase-admin/firestore'
import { firestore } from 'firebase-functions/v1'
import {
  onDocumentCreated,
  onDocumentCreatedWithAuthContext,
  onDocumentDeleted,
  onDocumentUpdated,
  onDocumentWritten,
} from 'firebase-functions/v2/firestore'

initializeApp()

interface Snapshot {
  data(): unknown
}

const dataOf = (snapshot: Snapshot | undefined): unknown => snapshot?.data() ?? null

interface Heard {
  readonly params: object
  readonly document?: string
  readonly database?: string
}

const note = async (name: string, { params, document = '', database = '' }: Heard, more: object): Promise<void> => {
  await getFirestore()
    .collection('seen')
    .add({ name, params, document, database, ...more })
}

export const created = onDocumentCreated('things/{id}', (event) =>
  note('created', event, { data: dataOf(event.data), path: event.data?.ref.path }),
)
export const updated = onDocumentUpdated('things/{id}', (event) =>
  note('updated', event, { before: dataOf(event.data?.before), after: dataOf(event.data?.after) }),
)
export const deleted = onDocumentDeleted('things/{id}', (event) => note('deleted', event, { data: dataOf(event.data) }))
export const written = onDocumentWritten('deep/{top}/sub/{rest=**}', (event) =>
  note('written', event, { before: dataOf(event.data?.before), after: dataOf(event.data?.after) }),
)
export const other = onDocumentCreated({ document: 'things/{id}', database: 'second' }, (event) =>
  note('other', event, { data: dataOf(event.data) }),
)
export const authenticated = onDocumentCreatedWithAuthContext('auth/{id}', (event) =>
  note('authenticated', event, { authType: event.authType }),
)
export const legacy = firestore
  .document('old/{id}')
  .onWrite(({ before, after }, { params, eventType }) =>
    note('legacy', { params }, { before: dataOf(before), after: dataOf(after), type: eventType }),
  )
