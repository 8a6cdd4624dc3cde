// Routes, as everybody asks the functions that serve them, under the functions framework.
import type { AddressInfo } from 'node:net'
import type { Firestore } from '@google-cloud/firestore'
import { http, type HttpFunction } from '@google-cloud/functions-framework'
import { getTestServer } from '@google-cloud/functions-framework/testing'
import { isForRoles, routeRows, type RouteRow } from '@infinity-matrix/core/access'
import type { Hono } from 'hono'
import * as rooms from '../../functions/src/index.ts'
import { routesOf } from '../../functions/src/runtime/on-request.ts'
import type { Trial } from './matrix.ts'
import { headersOf, isMeant, people, targetTenant, type Person } from './people.ts'
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
  if (!isForRoles(row)) return row.callers === 'anyone'
  return isMeant(person, row.callers, row.tenant === 'platform' ? 'platform' : 'tenant')
}

const denials = new Set([401, 403, 404])
const outcomeOf = (status: number): Trial['outcome'] => {
  if (denials.has(status)) return 'denied'
  return status < 500 ? 'allowed' : `answered ${status}`
}

export const routeTrials = async (firestore: Firestore): Promise<Trial[]> => {
  const { origins, close } = await serveAll()
  const ask = async (route: string, request: Ask, person: Person): Promise<Trial['outcome']> => {
    const [method = ''] = route.split(' ')
    const { path, body, headers } = await request(firestore, targetTenant(person))
    const { status } = await fetch(`${origins.get(route)}${path}`, {
      method,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
        ...headersOf(person),
      },
      ...(body === undefined || method === 'GET' ? {} : { body: JSON.stringify(body) }),
    })
    return outcomeOf(status)
  }
  try {
    const trials: Trial[] = []
    for (const [route, row] of Object.entries(routeRows))
      for (const person of people) {
        const request = requests[route]
        const outcome = request && origins.has(route) ? await ask(route, request, person) : 'untested'
        trials.push({ what: route, who: person, isMeant: isMeantTo(row, person), outcome })
      }
    return trials
  } finally {
    close()
  }
}
