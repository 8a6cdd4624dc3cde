// Routes, as everybody asks the functions that serve them, under the functions framework.
import type { AddressInfo } from 'node:net'
import type { Firestore } from '@google-cloud/firestore'
import { http, type HttpFunction } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { AgentId, collections, LedgerIntake } from '@infinity-matrix/contracts'
import { isForRoles, routeRows, type RouteRow } from '@infinity-matrix/core/access'
import type { Hono } from 'hono'
import { z } from 'zod'
import * as rooms from '../../functions/src/index.ts'
import { routesOf } from '../../functions/src/runtime/on-request.ts'
import type { Context } from '../../functions/src/runtime/context.ts'
import { createAgentTokens } from '../../functions/src/runtime/http/agent-tokens.ts'
import type { Trial } from './trial.ts'
import { agents, headersOf, isMeant, ownIdOf, ownTenant, people, targetTenant, type Person } from './people.ts'
import { requests, type Ask } from './requests.ts'

type Served = HttpFunction & { openApp?: () => Promise<Hono> }

/** Serves each function that speaks HTTP; by route, where it is. */
const serveAll = async () => {
  const servers: { close: () => unknown }[] = []
  const origins = new Map<string, string>()
  for (const [room, triggers] of Object.entries(rooms))
    for (const [name, exported] of Object.entries(triggers)) {
      const { openApp } = exported as unknown as Served
      if (!openApp) continue
      http(`${room}-${name}`, exported as unknown as HttpFunction)
      const server = getTestServer(`${room}-${name}`)
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      servers.push(server)
      const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
      for (const route of routesOf(await openApp())) origins.set(route, origin)
    }
  return { origins, close: () => servers.forEach((server) => server.close()) }
}

const isMeantTo = (row: RouteRow, person: Person): boolean => {
  if (!isForRoles(row))
    return row.callers === 'anyone' || (row.callers === 'person' && person.isSignedIn && person.role !== 'agent')
  return isMeant(person, row.callers, row.tenant === 'platform' ? 'platform' : 'tenant')
}

interface Answer {
  status: number
  trace: string
}

const Entry = z.object({ trace: z.string().nullable(), outcome: z.string() })

/** The traces of calls that were refused, by the record of each: whether a 404 is a refusal, nothing else tells. */
const refusedTraces = async (firestore: Firestore): Promise<Set<string>> => {
  const { docs } = await firestore.collection(collections.ledgerIntake).get()
  const entries = docs
    .flatMap((document) => LedgerIntake.parse(document.data()).entries)
    .map((entry) => Entry.parse(JSON.parse(entry)))
  return new Set(entries.flatMap(({ trace, outcome }) => (outcome === 'denied' && trace !== null ? [trace] : [])))
}

const denials = [401, 403, 404]
const outcomeOf = ({ status, trace }: Answer, refused: ReadonlySet<string>): Trial['outcome'] => {
  if (refused.has(trace)) return denials.includes(status) ? 'denied' : `answered ${status}`
  // 404: there is nothing, which whoever is let in may know; 503: not yet.
  return (status < 500 && status !== 401 && status !== 403) || status === 503 ? 'allowed' : `answered ${status}`
}

/** What each shows that they are who they are. */
const credentialsOf = async (shared: Context, person: Person): Promise<Record<string, string>> => {
  if (person.role !== 'agent') return headersOf(person)
  const token = await createAgentTokens(shared).issue({ tenant: ownTenant, agentId: AgentId.parse(person.uid) }, 'any')
  return { authorization: `Bearer ${token}` }
}

export const routeTrials = async (shared: Context): Promise<Trial[]> => {
  const { firestore } = shared
  const { origins, close } = await serveAll()
  const everybody = [...people, ...agents]
  const ask = async (route: string, request: Ask, person: Person): Promise<Answer> => {
    const [method = ''] = route.split(' ')
    const { path, body, headers } = await request(firestore, targetTenant(person), ownIdOf(person))
    const response = await fetch(`${origins.get(route)}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
        ...(await credentialsOf(shared, person)),
      },
      ...(body === undefined || method === 'GET' ? {} : { body: JSON.stringify(body) }),
    })
    return { status: response.status, trace: response.headers.get('x-request-id') ?? '' }
  }
  try {
    const tried: (Omit<Trial, 'outcome'> & { answer: Answer | undefined })[] = []
    for (const [route, row] of Object.entries(routeRows)) {
      const request = origins.has(route) ? requests[route] : undefined
      const answers = await Promise.all(everybody.map(async (person) => request && ask(route, request, person)))
      everybody.forEach((who, index) =>
        tried.push({ what: route, who, isMeant: isMeantTo(row, who), answer: answers[index] }),
      )
    }
    const refused = await refusedTraces(firestore)
    return tried.map(({ answer, ...trial }) => ({
      ...trial,
      outcome: answer ? outcomeOf(answer, refused) : 'untested',
    }))
  } finally {
    close()
  }
}
