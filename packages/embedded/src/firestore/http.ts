import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Engine } from './engine.ts'
import { parseDocumentName } from './names.ts'
import { StatusError } from '../wire/status-error.ts'

interface Request {
  method: string
  url: URL
  body: string
  /** What the pattern of the route took from the path. */
  groups: Record<string, string>
}

interface Response {
  status: number
  body: string | object
}

interface Route {
  method: string
  path: RegExp
  handle: (request: Request) => Response
}

const MAX_BODY_BYTES = 16 * 1024 * 1024
const NOTHING: Response = { status: 200, body: {} }

const json = (body: string): unknown => (body.trim() === '' ? {} : JSON.parse(body))

/** The text of the rules in `{rules: {files: [{content}]}}`, as the Firebase CLI and the test library send it. */
const rulesIn = (body: unknown): string => {
  const { rules } = (body ?? {}) as { rules?: { files?: { content?: unknown }[] } }
  const content = rules?.files?.[0]?.content
  if (typeof content !== 'string') throw new SyntaxError('rules.files[0].content must be a string')
  return content
}

const routesOf = (engine: Engine, shutdown: () => void): Route[] => {
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
      method: 'PUT',
      path: /^\/emulator\/v1\/projects\/(?<project>[^/]+):securityRules$/,
      handle: ({ groups, body }) => {
        engine.rules.set(groups['project'] as string, rulesIn(json(body)))
        return NOTHING
      },
    },
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

const readBody = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  let length = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length
    if (length > MAX_BODY_BYTES) throw new RangeError(`The body is larger than ${MAX_BODY_BYTES} bytes.`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

const send = (response: ServerResponse, { status, body }: Response): void => {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  const type = typeof body === 'string' ? 'text/plain' : 'application/json'
  response.writeHead(status, { 'content-type': `${type}; charset=utf-8` }).end(text)
}

const errorBody = (code: number, status: string, message: string): Response => ({
  status: code,
  body: { error: { code, message, status } },
})

/**
 * What the Firebase CLI and test tools ask of the emulator over HTTP/1.1 (firebase-tools,
 * `src/emulator/firestoreEmulator.ts` and `functionsEmulator.ts`). `shutdown` is called for POST /shutdown.
 */
export const createAdminServer = (engine: Engine, shutdown: () => void): Server => {
  const routes = routesOf(engine, shutdown)
  const answer = async (request: IncomingMessage): Promise<Response> => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    const path = decodeURIComponent(url.pathname)
    const method = request.method ?? 'GET'
    for (const route of routes) {
      const match = route.method === method ? route.path.exec(path) : null
      if (match) return route.handle({ method, url, body: await readBody(request), groups: match.groups ?? {} })
    }
    return { status: 404, body: 'Not Found\n' }
  }
  return createServer((request, response) => {
    answer(request).then(
      (result) => send(response, result),
      (error: Error) => {
        if (error instanceof RangeError) return send(response, errorBody(413, 'OUT_OF_RANGE', error.message))
        if (error instanceof SyntaxError || error instanceof StatusError || error instanceof URIError) {
          return send(response, errorBody(400, 'INVALID_ARGUMENT', error.message))
        }
        return send(response, errorBody(500, 'INTERNAL', 'Internal error in the Firestore engine.'))
      },
    )
  })
}
