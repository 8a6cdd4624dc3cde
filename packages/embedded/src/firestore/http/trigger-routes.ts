import type { Triggers } from '../triggers/index.ts'
import { parseFirstGeneration, parseSecondGeneration } from '../triggers/index.ts'
import type { Route } from './server.ts'

/** Where the functions emulator registers functions (firebase-tools, `lib/emulator/functionsEmulator.js`). */
export const triggerRoutes = (triggers: Triggers): Route[] => [
  {
    method: 'PUT',
    path: /^\/emulator\/v1\/projects\/(?<project>[^/]+)\/triggers\/(?<key>.+)$/,
    handle: ({ groups: { project = '', key = '' }, body }) => {
      const json = JSON.parse(body) as object
      triggers.register(parseFirstGeneration(project, key, json))
      return { status: 200, body: json }
    },
  },
  {
    method: 'POST',
    path: /^\/emulator\/v1\/projects\/(?<project>[^/]+)\/eventarcTrigger$/,
    handle: ({ groups: { project = '' }, url, body }) => {
      const json = JSON.parse(body) as object
      triggers.register(parseSecondGeneration(project, url.searchParams.get('eventarcTriggerId') ?? '', json))
      return { status: 200, body: json }
    },
  },
]
