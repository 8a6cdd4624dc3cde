import type { Engine } from '../engine.ts'
import { settled } from '../rpc/durable.ts'
import type { Route } from './server.ts'

/** The same routes, answered when all that was done until then is durable. */
export const durableRoutes = (engine: Engine, routes: readonly Route[]): Route[] =>
  routes.map((route) => ({
    ...route,
    handle: async (request) => {
      const response = await route.handle(request)
      const pending = engine.journal?.pending
      if (pending) await settled(pending)
      return response
    },
  }))
