import {
  connect,
  constants,
  createServer,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { createRandom } from '../random.ts'

/** Shares of all calls, from 0 to 1; together at most 1. */
export interface FaultRates {
  /** Refused, and never forwarded. */
  before: number
  /** Forwarded and done; its answer is lost, and an error comes instead. */
  after: number
  /** Forwarded late, after at most `stallMsMax`. */
  stall: number
}

export interface FaultyOptions {
  upstream: string
  /** Decides about the first call, the second, and so on. */
  seed: number
  rates: FaultRates
  stallMsMax: number
}

export interface FaultyFirestore {
  address: string
  injected: Readonly<Record<keyof FaultRates, number>>
  close: () => Promise<void>
}

const shares = 1_000_000

type Fault = { kind: keyof FaultRates; status: Status; stallMs: number }
interface Status {
  code: string
  name: string
}

const aborted: Status = { code: '10', name: 'ABORTED' }
const unavailable: Status = { code: '14', name: 'UNAVAILABLE' }
const deadlineExceeded: Status = { code: '4', name: 'DEADLINE_EXCEEDED' }
// Firestore says ABORTED only of what it did not do. Here it lies now and then, which is harder than production.
const statuses: readonly [Status, ...Status[]] = [aborted, unavailable, deadlineExceeded]

/** They live as long as their client, and are not answered. */
const streams = ['/google.firestore.v1.Firestore/Listen', '/google.firestore.v1.Firestore/Write']

const faultsOf = ({ seed, rates: { before, after, stall }, stallMsMax }: FaultyOptions) => {
  const random = createRandom(seed)
  return (): Fault | undefined => {
    // Three draws for each call, so that what is drawn for one does not shift the next.
    const drawn = random.int(1, shares) / shares
    const status = random.pick(statuses)
    const stallMs = random.int(1, stallMsMax)
    if (drawn <= before) return { kind: 'before', status, stallMs }
    if (drawn <= before + after) return { kind: 'after', status, stallMs }
    return drawn <= before + after + stall ? { kind: 'stall', status, stallMs } : undefined
  }
}

const refuse = (stream: ServerHttp2Stream, { code, name }: Status, when: string) => {
  if (stream.destroyed || stream.headersSent) return
  stream.respond(
    {
      ':status': 200,
      'content-type': 'application/grpc+proto',
      'grpc-status': code,
      'grpc-message': `${name} as planted, ${when}`,
    },
    { endStream: true },
  )
}

/** What a client sent, without what belongs to its own connection. */
const forwardable = (headers: IncomingHttpHeaders) =>
  Object.fromEntries(Object.entries(headers).filter(([name]) => name !== ':authority'))

const forward = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, upstream: ClientHttp2Session) => {
  const request = upstream.request(forwardable(headers), { endStream: false })
  stream.pipe(request)
  stream.on('close', () => request.close(constants.NGHTTP2_CANCEL))
  return request
}

const passOn = (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, upstream: ClientHttp2Session) => {
  const request = forward(stream, headers, upstream)
  let trailers: IncomingHttpHeaders = {}
  request.on('error', () => stream.close(constants.NGHTTP2_INTERNAL_ERROR))
  request.on('response', (answer, flags) => {
    if (stream.destroyed) return
    const isAll = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
    stream.respond(answer, { endStream: isAll, waitForTrailers: !isAll })
    if (!isAll) request.pipe(stream)
  })
  request.on('trailers', (last) => (trailers = last))
  stream.on('wantTrailers', () => stream.sendTrailers(trailers))
}

const loseAnswer = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  upstream: ClientHttp2Session,
  status: Status,
) => {
  const request = forward(stream, headers, upstream)
  const lost = () => refuse(stream, status, 'after it was done')
  request.resume()
  request.on('error', lost)
  request.on('end', lost)
}

/**
 * Stands between functions and Firestore, and makes calls fail: before they reach it, after it did what they ask, or
 * late. Knows nothing of what the calls say.
 */
export const startFaultyFirestore = async (options: FaultyOptions): Promise<FaultyFirestore> => {
  const injected: Record<keyof FaultRates, number> = { before: 0, after: 0, stall: 0 }
  const nextFault = faultsOf(options)
  const upstreams = new Set<ClientHttp2Session>()

  const serve = async (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, upstream: ClientHttp2Session) => {
    stream.on('error', () => stream.close())
    const fault = streams.includes(headers[':path'] ?? '') ? undefined : nextFault()
    if (fault) injected[fault.kind]++
    if (fault?.kind === 'stall') await delay(fault.stallMs)
    if (stream.destroyed) return
    if (fault?.kind === 'before') {
      stream.resume()
      refuse(stream, fault.status, 'before it was done')
    } else if (upstream.closed || upstream.destroyed) refuse(stream, unavailable, 'its connection is gone')
    else if (fault?.kind === 'after') loseAnswer(stream, headers, upstream, fault.status)
    else passOn(stream, headers, upstream)
  }

  const server = createServer()
  server.on('session', (session) => {
    const upstream = connect(`http://${options.upstream}`)
    upstreams.add(upstream)
    upstream.on('error', () => session.destroy())
    upstream.on('close', () => upstreams.delete(upstream))
    session.on('error', () => session.destroy())
    session.on('close', () => upstream.destroy())
    session.on('stream', (stream, headers) => void serve(stream, headers, upstream))
  })
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening))
  const { port } = server.address() as AddressInfo
  return {
    address: `127.0.0.1:${port}`,
    injected,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const upstream of upstreams) upstream.destroy()
      await closed
    },
  }
}
