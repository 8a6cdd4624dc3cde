import type { IncomingHttpHeaders, IncomingMessage, Server, ServerResponse } from 'node:http'
import { http } from '../../wire/node-http.ts'
import { Code, StatusError } from '../../wire/status-error.ts'
import { fromParsed, prettyJson } from '../rest/json-text.ts'
import { corsHeaders, preflightHeaders } from '../../wire/cors.ts'
import { httpStatusOf } from '../../wire/http-error.ts'
import { errorText } from './error-body.ts'

export interface Request {
  method: string
  url: URL
  headers: IncomingHttpHeaders
  body: string
  /** What the pattern of the route took from the path. */
  groups: Record<string, string>
}

/** Writes the body itself, and ends the response, now or at some time. */
export type BodyWriter = (out: ServerResponse) => void | Promise<void>

export interface Response {
  status: number
  /** A string goes out as it is, an object as JSON. */
  body: string | object | BodyWriter
  headers?: Record<string, string>
}

export interface Route {
  method: string
  /** Matched against the path, decoded. */
  path: RegExp
  handle: (request: Request) => Response | Promise<Response>
  /** Default 16 MiB, as Google's emulator has it. */
  maxBodyBytes?: number
}

export const JSON_TYPE = { 'content-type': 'application/json' }

const MAX_BODY_BYTES = 16 * 1024 * 1024

class BodyTooLarge extends Error {}

/** Nobody is there any more to be answered. */
class Gone extends Error {}

/** Reads a body to its end, also one that is too large: a client that is cut off would not read the answer. */
const readBody = (request: IncomingMessage, maxBytes = MAX_BODY_BYTES): Promise<string> =>
  new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let length = 0
    request.on('data', (chunk: Buffer) => {
      length += chunk.length
      if (length <= maxBytes) chunks.push(chunk)
      else chunks.length = 0
    })
    request.on('end', () => {
      if (length > maxBytes) reject(new BodyTooLarge())
      else resolve(Buffer.concat(chunks).toString())
    })
    request.on('error', (cause) => reject(new Gone('', { cause })))
    request.on('close', () => reject(new Gone()))
  })

const NOT_FOUND: Response = { status: 404, body: 'Not Found\n' }

/** The response to an error; one that is the engine's own fault is logged. */
const failure = (error: unknown, log: (message: string) => void): Response => {
  if (error instanceof BodyTooLarge) return { status: 413, body: '' }
  if (error instanceof StatusError) {
    return { status: httpStatusOf(error.code), body: errorText(error.code, error.details), headers: JSON_TYPE }
  }
  if (error instanceof SyntaxError || error instanceof URIError) {
    return { status: 400, body: errorText(Code.INVALID_ARGUMENT, error.message), headers: JSON_TYPE }
  }
  log(`firestore: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
  return { status: 500, body: errorText(Code.INTERNAL, 'Internal error in the Firestore engine.'), headers: JSON_TYPE }
}

const urlOf = (target: string): URL => {
  const url = URL.parse(target.startsWith('/') ? `http://localhost${target}` : target)
  if (!url) throw new SyntaxError('The target of the request is no URL.')
  return url
}

const answer = async (routes: readonly Route[], request: IncomingMessage): Promise<Response> => {
  // A HEAD is a GET of which only the head is sent.
  const method = request.method === 'HEAD' ? 'GET' : (request.method ?? 'GET')
  const { headers } = request
  const url = urlOf(request.url ?? '/')
  const path = decodeURIComponent(url.pathname)
  for (const route of routes) {
    const match = route.method === method ? route.path.exec(path) : null
    if (!match) continue
    const body = await readBody(request, route.maxBodyBytes)
    return route.handle({ method, url, headers, body, groups: match.groups ?? {} })
  }
  return NOT_FOUND
}

const send = async (request: IncomingMessage, out: ServerResponse, response: Response): Promise<void> => {
  const { status, body, headers } = response
  for (const [name, value] of Object.entries(corsHeaders(request.headers))) out.setHeader(name, value)
  const head = (more: Record<string, string>) => out.writeHead(status, { ...more, ...headers })
  if (request.method === 'HEAD') out.writeHead(status).end()
  else if (typeof body === 'string') head({}).end(body)
  else if (typeof body === 'object') head(JSON_TYPE).end(`${prettyJson(fromParsed(body))}\n`)
  else {
    head({})
    await body(out)
  }
}

/** An HTTP/1.1 server that answers by the first route that fits. `log` gets what is the engine's own fault. */
export const createHttpServer = (routes: readonly Route[], log: (message: string) => void = () => {}): Server =>
  http.createServer((request, out) => {
    // A client may go at any moment; whoever writes to it then need not know.
    out.on('error', () => {})
    if (request.method === 'OPTIONS') {
      out.writeHead(200, preflightHeaders(request.headers)).end()
      return
    }
    answer(routes, request)
      .catch((error: unknown) => {
        if (error instanceof Gone) throw error
        return failure(error, log)
      })
      .then((response) => send(request, out, response))
      .catch((error: unknown) => {
        // Too late for an answer.
        if (!(error instanceof Gone)) failure(error, log)
        out.destroy()
      })
  })
