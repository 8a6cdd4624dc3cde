import { randomBytes } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import type protobuf from 'protobufjs'
import type { Engine } from '../engine.ts'
import type { Request, Response, Route } from '../http/server.ts'
import { duplexMethods } from '../rpc/methods.ts'
import type { Log } from '../rpc/service.ts'
import { openCall, type DuplexMethod } from './call.ts'
import { arrayIdOf, chunk, parseForward } from './frame.ts'
import type { BackChannel, Session } from './session.ts'

const MAX_SESSIONS = 1000
const KEEP_ALIVE_MS = 30_000
// A request of 10 MiB in a form, where a byte may be written as three.
const MAX_BODY_BYTES = 48 * 1024 * 1024
const CHANNEL_VERSION = 8
const SERVER_VERSION = 12

const HEADERS = {
  'content-type': 'text/plain; charset=utf-8',
  'cache-control': 'no-cache, no-store',
  // Browsers would hold the first bytes back to look at them.
  'x-content-type-options': 'nosniff',
  // The client asks for them, and a browser complains when it may not.
  'access-control-expose-headers': 'X-Client-Wire-Protocol, X-HTTP-Initial-Response, X-HTTP-Session-Id',
}

const text = (status: number, body: string): Response => ({ status, body, headers: HEADERS })

// The client looks for the words, but not at the start.
const UNKNOWN_SID = text(400, 'Error: Unknown SID\n')

const keepAliveOf = ({ searchParams }: URL): number => {
  const wanted = Number(searchParams.get('TO') ?? '')
  return wanted >= 1000 && wanted < KEEP_ALIVE_MS ? wanted : KEEP_ALIVE_MS
}

const backChannel = (out: ServerResponse, url: URL): BackChannel => ({
  streaming: url.searchParams.get('CI') !== '1',
  keepAliveMs: keepAliveOf(url),
  write: (chunks) => out.write(chunks),
  end: () => out.end(),
})

/** The sessions of WebChannel, through which the web SDK in a browser calls Listen and Write. */
export class WebChannels {
  readonly #engine: Engine
  readonly #log: Log
  readonly #sessions = new Map<string, Session>()
  readonly routes: readonly Route[]

  constructor(engine: Engine, protos: protobuf.Root, log: Log) {
    this.#engine = engine
    this.#log = log
    const service = protos.lookupService('google.firestore.v1.Firestore')
    this.routes = Object.entries(duplexMethods).flatMap(([name, open]): Route[] => {
      const definition = service.methods[name]?.resolve() as protobuf.Method
      const { resolvedRequestType: request, resolvedResponseType: response } = definition
      if (!request || !response) throw new Error(`${name} has no types`)
      const path = new RegExp(`^/google\\.firestore\\.v1\\.Firestore/${name}/channel$`)
      return [
        {
          method: 'POST',
          path,
          maxBodyBytes: MAX_BODY_BYTES,
          handle: (asked) => this.#post({ open, request, response }, asked),
        },
        { method: 'GET', path, handle: (asked) => this.#get(asked) },
      ]
    })
  }

  /** How many sessions there are. */
  get size(): number {
    return this.#sessions.size
  }

  close(): void {
    for (const session of this.#sessions.values()) session.end()
  }

  /** A message of the client, or its first, which opens a session. */
  #post(method: DuplexMethod, { url, headers, body }: Request): Response {
    const { searchParams } = url
    const sid = searchParams.get('SID')
    if (searchParams.get('TYPE') === 'terminate') return this.#terminate(sid)
    const forward = parseForward(body)
    if (sid === null) return this.#open(method, forward.headers.get('authorization') ?? headers.authorization, forward)
    const session = this.#sessions.get(sid)
    if (!session) return UNKNOWN_SID
    session.acknowledge(arrayIdOf(searchParams.get('AID')))
    session.receive(forward.offset, forward.messages)
    return text(200, chunk(JSON.stringify(session.state)))
  }

  #open(method: DuplexMethod, authorization: string | undefined, forward: ReturnType<typeof parseForward>): Response {
    if (this.#sessions.size >= MAX_SESSIONS) return text(503, 'Too many sessions.\n')
    const sid = randomBytes(16).toString('base64url')
    const session = openCall(this.#engine, method, authorization, this.#log, () => this.#sessions.delete(sid))
    this.#sessions.set(sid, session)
    session.receive(0, forward.messages)
    const handshake = ['c', sid, '', CHANNEL_VERSION, SERVER_VERSION, KEEP_ALIVE_MS]
    return text(200, chunk(JSON.stringify([[0, handshake]])))
  }

  /** A back channel. */
  #get({ url }: Request): Response {
    const { searchParams } = url
    const sid = searchParams.get('SID')
    if (searchParams.get('TYPE') === 'terminate') return this.#terminate(sid)
    const session = this.#sessions.get(sid ?? '')
    if (!session) return UNKNOWN_SID
    const arrayId = arrayIdOf(searchParams.get('AID'))
    const open = (out: ServerResponse) => {
      const back = backChannel(out, url)
      out.on('close', () => session.detach(back))
      out.flushHeaders()
      session.acknowledge(arrayId)
      session.attach(back)
    }
    return { status: 200, headers: HEADERS, body: open }
  }

  #terminate(sid: string | null): Response {
    const session = this.#sessions.get(sid ?? '')
    session?.end()
    return session ? text(200, '') : UNKNOWN_SID
  }
}
