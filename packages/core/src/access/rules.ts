import { platformTenant } from '@infinity-matrix/contracts'
import { collectionRows, type CollectionRow } from './policy.ts'
import { secondFactorSeconds } from './second-factor.ts'

const head = `rules_version = '2';

// Generated from packages/core/src/access/policy.ts by \`npm run build:rules\`; nobody edits it by hand.
//
// Clients read what their roles allow and write nothing: functions write, through the Admin SDK, which rules do not bind. What
// the table of members says counts, so that a change of a role counts at once; a request reads one document for it, and one
// more where a passkey was shown.
service cloud.firestore {
  match /databases/{database}/documents {
    // Who signed in before their sessions were ended has to do so again. A custom token says when it was made.
    function may(tenant, readers) {
      let member = get(/databases/$(database)/documents/members/$(request.auth.uid)).data;
      let token = request.auth.token;
      return token.auth_time > member.signedInFrom && token.get('provenAt', token.auth_time) > member.signedInFrom
        && member.roles.get(tenant, '') in readers;
    }

    // A passkey counts for some hours from when it was shown, as long as it is one of the account.
    function hasSecondFactor() {
      let token = request.auth.token;
      return token.firebase.get('sign_in_second_factor', '') != ''
        || (token.firebase.sign_in_provider == 'custom'
          && request.time.toMillis() < (token.provenAt + ${secondFactorSeconds}) * 1000
          && get(/databases/$(database)/documents/passkeys/$(token.passkey)).data.uid == request.auth.uid);
    }
`

const tail = `
    match /{document=**} {
      allow read, write: if false;
    }
  }
}
`

const conditionOf = (row: CollectionRow): string => {
  if (row.tenant === 'self') return 'request.auth != null && request.auth.uid == id'
  const readers = `[${row.readers.map((role) => `'${role}'`).join(', ')}]`
  // Without a second factor an admin is an editor, so it is asked for only where editors may not.
  const factor = row.readers.includes('admin') && !row.readers.includes('editor') ? ' && hasSecondFactor()' : ''
  const ofPlatform = `may('${platformTenant}', ${readers})`
  if (row.tenant === 'platform') return ofPlatform + factor
  // The platform first: it knows the answer to a query over all tenants, of which no tenant is known.
  const either = `${ofPlatform} || may(${row.tenant === 'id' ? 'id' : 'resource.data.tenant'}, ${readers})`
  return factor === '' ? either : `(${either})${factor}`
}

/** `firestore.rules`, as the policy has them. */
export const firestoreRules = (rows: Readonly<Record<string, CollectionRow>> = collectionRows): string => {
  const matches = Object.entries(rows)
    .filter(([, { readers }]) => readers.length > 0)
    .map(
      ([name, row]) => `
    match /${name}/{id} {
      allow ${row.tenant === 'self' ? 'get' : 'read'}: if ${conditionOf(row)};
    }
`,
    )
  return head + matches.join('') + tail
}
