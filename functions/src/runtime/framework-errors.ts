import { subscribe } from 'node:diagnostics_channel'
import { STATUS_CODES, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { Duplex } from 'node:stream'
import { once } from './context.ts'
import { problemAnswer, RequestProblem } from './problem.ts'

type ErrorHandler = (error: unknown, request: IncomingMessage, response: ServerResponse, next: Next) => void
type Next = (error: unknown) => void
/** As much of Express as is used here. */
type ExpressApp = ((request: IncomingMessage, response: ServerResponse) => void) & {
  use: (handler: ErrorHandler) => void
}

const isExpress = (listener: unknown): listener is ExpressApp =>
  typeof listener === 'function' && 'use' in listener && typeof listener.use === 'function'

const isServer = (value: unknown): value is Server =>
  typeof value === 'object' && value !== null && 'listeners' in value && typeof value.listeners === 'function'

const serverOf = (message: unknown): Server | undefined =>
  typeof message === 'object' && message !== null && 'server' in message && isServer(message.server)
    ? message.server
    : undefined

const unread = once((_: undefined) => new WeakMap<object, RequestProblem>())

/** What is to be answered to a request whose body could not be read, once it is known who makes it. */
export const unreadBodyOf = (request: unknown): RequestProblem | undefined =>
  typeof request === 'object' && request !== null ? unread(undefined).get(request) : undefined

/**
 * The functions framework, and the functions emulator in its place, parse bodies before a function is called. What they
 * cannot read goes to Express, which answers with a page of HTML, outside production with a stack trace. So their app gets
 * a handler for its errors, just before its first request: the function is called all the same, so that a request with such
 * a body is counted, authenticated and recorded like any other.
 */
export const answerFrameworkErrors = once(() => {
  const known = new WeakSet<Server>()
  subscribe('http.server.request.start', (message) => {
    const server = serverOf(message)
    if (server === undefined || known.has(server)) return
    known.add(server)
    server.on('clientError', answerClientError)
    for (const listener of server.listeners('request')) if (isExpress(listener)) listener.use(errorHandlerOf(listener))
  })
})

/** What Node's own parser refuses, such as headers that are too long, has no request that a function could see. */
const answerClientError = (error: Error & { code?: string }, socket: Duplex): void => {
  if (!socket.writable || error.code === 'ECONNRESET') return void socket.destroy()
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : 400
  const detail = status === 431 ? 'The URL and the headers are too long.' : 'It is no HTTP request.'
  const { headers, body } = problemAnswer(new RequestProblem(status, { detail }))
  const fields = { ...headers, 'content-length': String(Buffer.byteLength(body)), connection: 'close' }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${lines.join('')}\r\n${body}`)
}

const errorHandlerOf = (app: ExpressApp): ErrorHandler => {
  const givenOn = new WeakSet<IncomingMessage>()
  // Express knows a handler of errors by its four parameters.
  return (error, request, response, next) => {
    if (response.headersSent) return next(error)
    if (givenOn.has(request)) {
      const { status, headers, body } = problemAnswer(problemOf(error))
      response.writeHead(status, headers)
      return void response.end(body)
    }
    givenOn.add(request)
    // It is read, and is no JSON: what is to become of it is for the function to say.
    if (fieldOf(error, 'type') !== 'entity.parse.failed') unread(undefined).set(request, problemOf(error))
    // Parsers pass by what was read to its end.
    if (request.readableEnded) app(request, response)
    else request.once('end', () => app(request, response)).resume()
  }
}

// As body-parser tells its errors: https://expressjs.com/en/resources/middleware/body-parser.html#errors
const problemOf = (error: unknown): RequestProblem => {
  const status = numberOf(error, 'status')
  if (status === undefined || status < 400 || status > 499) return new RequestProblem(500)
  const limit = numberOf(error, 'limit')
  const value = numberOf(error, 'length') ?? numberOf(error, 'received')
  return new RequestProblem(status, {
    detail: detailOf[String(fieldOf(error, 'type'))] ?? 'The body cannot be read.',
    ...(limit === undefined ? {} : { limit }),
    ...(value === undefined ? {} : { value }),
  })
}

const detailOf: Readonly<Record<string, string>> = {
  'charset.unsupported': 'The charset of the body is not supported: it must be UTF-8.',
  'encoding.unsupported': 'The content encoding of the body is not supported.',
  'entity.too.large': 'The body is too large.',
  'entity.parse.failed': 'The body is not JSON (RFC 8259).',
  'request.size.invalid': 'The body is not as long as its content length says.',
}

const fieldOf = (error: unknown, field: string): unknown =>
  typeof error === 'object' && error !== null && field in error ? Reflect.get(error, field) : undefined

const numberOf = (error: unknown, field: string): number | undefined => {
  const value = fieldOf(error, field)
  return typeof value === 'number' ? value : undefined
}
