// Functions of a project of its own, which write down what they hear: `firestore.test.ts` puts them into the suite.
const { initializeApp } = require('firebase-admin/app')
const { getFirestore } = require('firebase-admin/firestore')
const v1 = require('firebase-functions/v1')
const v2 = require('firebase-functions/v2/firestore')

initializeApp()

const dataOf = (snapshot) => (snapshot?.exists ? snapshot.data() : null)

const note = (name, event, more) =>
  getFirestore()
    .collection('seen')
    .add({ name, params: event.params, document: event.document ?? null, database: event.database ?? null, ...more })

const change = (name) => (event) =>
  note(name, event, { before: dataOf(event.data.before), after: dataOf(event.data.after) })
const one = (name) => (event) => note(name, event, { data: dataOf(event.data), path: event.data.ref.path })

exports.created = v2.onDocumentCreated('things/{id}', one('created'))
exports.updated = v2.onDocumentUpdated('things/{id}', change('updated'))
exports.deleted = v2.onDocumentDeleted('things/{id}', one('deleted'))
exports.written = v2.onDocumentWritten('deep/{top}/sub/{rest=**}', change('written'))
exports.other = v2.onDocumentCreated({ document: 'things/{id}', database: 'second' }, one('other'))
exports.authenticated = v2.onDocumentCreatedWithAuthContext('auth/{id}', (event) =>
  note('authenticated', event, { authType: event.authType }),
)
exports.legacy = v1.firestore
  .document('old/{id}')
  .onWrite((changed, context) =>
    note('legacy', context, { before: dataOf(changed.before), after: dataOf(changed.after), type: context.eventType }),
  )
