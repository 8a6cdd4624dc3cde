// Everything that is deployed has a row, and says of itself what the row says.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { collections } from '@infinity-matrix/contracts'
import { collectionRows, firestoreRules, functionRows, routeRows } from '@infinity-matrix/core/access'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { createApp } from './src/runtime/on-request.ts'
import { context } from './src/runtime/context.ts'
import { startLocalEngines, type LocalEngines } from './src/runtime/testing.ts'
import * as rooms from './src/index.ts'

interface Deployed {
  name: string
  /** The name it was declared with, whose row its wrapper holds. */
  deployedAs?: string
  endpoint: {
    httpsTrigger?: { invoker?: string[] }
    eventTrigger?: { eventFilters: { topic?: string } }
    scheduleTrigger?: { schedule?: string }
  }
  openApp?: () => ReturnType<typeof createApp>
}

const deployed: Deployed[] = Object.entries(rooms).flatMap(([room, triggers]) =>
  Object.entries(triggers).map(([trigger, exported]) => {
    const { __endpoint: endpoint, ...declared } = exported as unknown as { __endpoint: Deployed['endpoint'] } & Deployed
    return { ...declared, name: `${room}-${trigger}`, endpoint }
  }),
)

/** What fires a function, as `firebase deploy` sees it. */
const firedBy = ({ endpoint: { scheduleTrigger, eventTrigger, httpsTrigger } }: Deployed) => {
  if (scheduleTrigger) return { firedBy: 'schedule', schedule: scheduleTrigger.schedule }
  if (eventTrigger) return { firedBy: 'topic', topic: eventTrigger.eventFilters.topic }
  return { firedBy: httpsTrigger?.invoker?.[0] === 'public' ? 'callers' : 'push' }
}

let engines: LocalEngines
beforeAll(async () => {
  engines = await startLocalEngines('demo-policy')
})
afterAll(async () => {
  const { firestore, pubsub } = await context()
  await Promise.all([firestore.terminate(), pubsub.close()])
  await engines.close()
})

describe('in the policy', () => {
  it('every function has what fires it, and is declared under its own name', () => {
    const fires = Object.entries(functionRows).map(([name, row]) => {
      const { writes: _, ...fired } = { writes: undefined, ...row }
      return [name, fired]
    })
    expect(Object.fromEntries(fires)).toEqual(Object.fromEntries(deployed.map((one) => [one.name, firedBy(one)])))
    expect(deployed.filter(({ name, deployedAs }) => name !== deployedAs)).toEqual([])
  })

  it('every route has a row, and every row a route', async () => {
    const { routesOf } = await import('./src/runtime/on-request.ts')
    const apps = await Promise.all(deployed.flatMap(({ openApp }) => (openApp ? [openApp()] : [])))
    expect(apps.length).toBe(deployed.filter(({ endpoint }) => endpoint.httpsTrigger).length)
    expect(Object.keys(routeRows).toSorted()).toEqual(apps.flatMap(routesOf).toSorted())
  })

  it('security rules are as generated: npm run build:rules', () => {
    expect(readFileSync(join(import.meta.dirname, '../firestore.rules'), 'utf8')).toBe(firestoreRules())
  })

  it('every collection has a row', () => {
    expect(Object.keys(collectionRows).toSorted()).toEqual(Object.keys(collections).toSorted())
  })
})
