import type { Engine } from '../engine.ts'
import { parseDocumentName } from '../names.ts'
import type { Response, Route } from './server.ts'

const NOTHING: Response = { status: 200, body: {} }

/**
 * What the Firebase CLI and test tools ask of the emulator over HTTP/1.1 (firebase-tools,
 * `src/emulator/firestoreEmulator.ts`), but for rules, triggers and exports. `shutdown` is called for POST /shutdown.
 */
export const emulatorRoutes = (engine: Engine, shutdown: () => void): Route[] => [
  { method: 'GET', path: /^\/$/, handle: () => ({ status: 200, body: 'Ok\n' }) },
  {
    method: 'DELETE',
    path: /^\/emulator\/v1\/(?<database>projects\/[^/]+\/databases\/[^/]+)\/documents\/?$/,
    handle: ({ groups }) => {
      engine.store.clear(engine.database(groups['database'] as string))
      return NOTHING
    },
  },
  {
    method: 'DELETE',
    path: /^\/emulator\/v1\/(?<name>projects\/[^/]+\/databases\/[^/]+\/documents\/.+)$/,
    handle: ({ groups }) => {
      const { database: name, segments } = parseDocumentName(groups['name'] as string)
      const database = engine.database(name)
      const node = database.find(segments)
      if (node) engine.store.clear(database, node)
      return NOTHING
    },
  },
  {
    method: 'POST',
    path: /^\/reset$/,
    handle: () => {
      engine.reset()
      return { status: 200, body: 'Resetting...\n' }
    },
  },
  {
    method: 'POST',
    path: /^\/shutdown$/,
    handle: () => {
      shutdown()
      return { status: 200, body: 'Shutting down...\n' }
    },
  },
]
