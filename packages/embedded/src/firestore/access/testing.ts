import { JsonClient } from '../oracle/client.ts'
import type { FirestoreEngine } from '../index.ts'
import type { Json } from './principal.ts'

const segment = (json: Json): string => Buffer.from(JSON.stringify(json)).toString('base64url')

/** The header of a user of this id, as Firebase's test library makes it: an unsigned token. */
export const bearer = (uid: string, claims: { readonly [claim: string]: Json } = {}): string =>
  `Bearer ${segment({ alg: 'none', type: 'JWT' })}.${segment({ sub: uid, user_id: uid, ...claims })}.`

/** Puts rules in force over HTTP; the body goes around what is matched within `documents`. */
export const loadRules = async ({ port }: FirestoreEngine, project: string, body: string): Promise<Response> => {
  const content = `rules_version = '2';\nservice cloud.firestore {\n  match /databases/{database}/documents {\n${body}\n  }\n}`
  return fetch(`http://127.0.0.1:${port}/emulator/v1/projects/${project}:securityRules`, {
    method: 'PUT',
    body: JSON.stringify({ rules: { files: [{ content }] } }),
  })
}

/** Clients of the administrator, of nobody and of some users, by name. */
export class People {
  readonly #address: string
  readonly #clients = new Map<string, JsonClient>()

  constructor({ port }: FirestoreEngine) {
    this.#address = `127.0.0.1:${port}`
  }

  get owner(): JsonClient {
    return this.#as('owner', 'Bearer owner')
  }

  get nobody(): JsonClient {
    return this.#as('nobody', '')
  }

  user(uid: string, claims: { readonly [claim: string]: Json } = {}): JsonClient {
    return this.#as(`user ${uid} ${JSON.stringify(claims)}`, bearer(uid, claims))
  }

  close(): void {
    for (const client of this.#clients.values()) client.close()
  }

  #as(name: string, authorization: string): JsonClient {
    const known = this.#clients.get(name)
    if (known) return known
    const client = new JsonClient(this.#address, authorization)
    this.#clients.set(name, client)
    return client
  }
}
