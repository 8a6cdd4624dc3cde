// Collections, as clients ask the rules for them, through the protocol of the web SDK.
import type { Firestore } from '@google-cloud/firestore'
import { collections } from '@infinity-matrix/contracts'
import { collectionRows, type CollectionRow } from '@infinity-matrix/core/access'
import { headersOf, isMeant, people, projectId, rolesOf, targetTenant, type Person } from './people.ts'
import type { Trial } from './trial.ts'

const operations = ['get', 'list', 'create', 'update', 'delete'] as const
type Operation = (typeof operations)[number]

/** A document of a collection that belongs where the person is, or is not, at home. */
const pathFor = (name: string, { tenant, beneath }: CollectionRow, person: Person): string => {
  const own = { id: targetTenant(person), self: person.where === 'own' ? person.uid : 'somebody-else' }
  const id = tenant === 'id' || tenant === 'self' ? own[tenant] : `in-${targetTenant(person)}`
  return `${beneath === undefined ? '' : `${beneath}/${targetTenant(person)}/`}${name}/${id || 'nobody'}`
}

const isMeantTo = (row: CollectionRow, person: Person, operation: Operation): boolean => {
  if (operation !== 'get' && operation !== 'list') return false
  if (row.tenant === 'self') return operation === 'get' && person.where === 'own' && person.isSignedIn
  return isMeant(person, row.readers, row.tenant === 'platform' ? 'platform' : 'tenant')
}

/**
 * @param host of the Firestore engine, with the rules loaded
 * @param names of collections; all of them unless given
 */
export const collectionTrials = async (
  host: string,
  firestore: Firestore,
  names?: readonly string[],
): Promise<Trial[]> => {
  const documents = `http://${host}/v1/projects/${projectId}/databases/(default)/documents`
  for (const person of people.filter(({ isSignedIn }) => isSignedIn))
    await firestore
      .doc(`${collections.members}/${person.uid}`)
      .set({ uid: person.uid, roles: rolesOf(person), signedInFrom: 0 })

  const ask = async (row: CollectionRow, path: string, person: Person, operation: Operation): Promise<number> => {
    const json = { ...headersOf(person), 'content-type': 'application/json' }
    const body = JSON.stringify({ fields: { tenant: { stringValue: targetTenant(person) } } })
    const send = (url: string, init: RequestInit) => fetch(url, { headers: json, ...init }).then(({ status }) => status)
    if (operation === 'get') return send(`${documents}/${path}`, {})
    if (operation === 'delete') return send(`${documents}/${path}`, { method: 'DELETE' })
    if (operation === 'create') return send(`${documents}/${path}-new`, { method: 'PATCH', body })
    if (operation === 'update')
      return send(`${documents}/${path}?currentDocument.exists=true`, { method: 'PATCH', body })
    const [parent, collectionId] = /^(.*?)\/?([^/]+)\/[^/]+$/.exec(path)?.slice(1) ?? []
    const isFiltered = row.tenant === 'field' && person.where !== 'platform'
    const where = {
      fieldFilter: { field: { fieldPath: 'tenant' }, op: 'EQUAL', value: { stringValue: targetTenant(person) } },
    }
    const structuredQuery = { from: [{ collectionId }], ...(isFiltered && { where }) }
    return send(`${documents}${parent ? `/${parent}` : ''}:runQuery`, {
      method: 'POST',
      body: JSON.stringify({ structuredQuery }),
    })
  }

  const tryAs = async (name: string, row: CollectionRow, person: Person): Promise<Trial[]> => {
    const path = pathFor(name, row, person)
    if (row.tenant !== 'self') await firestore.doc(path).set({ tenant: targetTenant(person) })
    const trials: Trial[] = []
    for (const operation of operations) {
      // A list by id is many documents of other tenants: only the platform may ask for it.
      const isListById = operation === 'list' && row.tenant === 'id' && person.where !== 'platform'
      const status = await ask(row, path, person, operation)
      trials.push({
        what: `${operation} ${name}`,
        who: person,
        isMeant: !isListById && isMeantTo(row, person, operation),
        outcome: status === 200 ? 'allowed' : status === 403 ? 'denied' : `answered ${status}`,
      })
    }
    return trials
  }

  const trials: Trial[] = []
  for (const [name, row] of Object.entries(collectionRows))
    if (names === undefined || names.includes(name))
      trials.push(...(await Promise.all(people.map((person) => tryAs(name, row, person)))).flat())
  return trials
}
