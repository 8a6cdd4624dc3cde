import type { Engine } from '../engine.ts'
import { parseDocumentName } from '../names.ts'
import type { Request, Response, Route } from './server.ts'

const NOTHING: Response = { status: 200, body: {} }

const json = (body: string): unknown => (body.trim() === '' ? {} : JSON.parse(body))

/**
 * What the Firebase CLI and test tools ask of the emulator over HTTP/1.1 (firebase-tools,
 * `src/emulator/firestoreEmulator.ts` and `functionsEmulator.ts`). `shutdown` is called for POST /shutdown.
 */
export const emulatorRoutes = (engine: Engine, shutdown: () => void): Route[] => {
  const trigger = ({ groups, body }: Request): Response => {
    engine.triggers.set(`${groups['project']}/${groups['trigger']}`, json(body))
    return NOTHING
  }
  const eventarc = ({ groups, body, url }: Request): Response => {
    engine.triggers.set(`${groups['project']}/${url.searchParams.get('eventarcTriggerId') ?? ''}`, json(body))
    return NOTHING
  }
  return [
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
    { method: 'POST', path: /^\/emulator\/v1\/projects\/(?<project>[^/]+)\/eventarcTrigger$/, handle: eventarc },
    { method: 'PUT', path: /^\/emulator\/v1\/projects\/(?<project>[^/]+)\/triggers\/(?<trigger>.+)$/, handle: trigger },
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
}
