import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { StatusError } from '../../wire/status-error.ts'

export interface Request {
  method: string
  url: URL
  body: string
  /** What the pattern of the route took from the path. */
  groups: Record<string, string>
}

export interface Response {
  status: number
  /** A string goes out as text, anything else as JSON. */
  body: string | object
}

export interface Route {
  method: string
  /** Matched against the path, decoded. */
  path: RegExp
  handle: (request: Request) => Response | Promise<Response>
}

const MAX_BODY_BYTES = 16 * 1024 * 1024

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

/** An HTTP/1.1 server that answers by the first route that fits. */
export const createHttpServer = (routes: readonly Route[]): Server => {
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
