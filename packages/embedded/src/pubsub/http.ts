import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { answerBigQuery } from '../bigquery/routes.ts'
import type { Tables } from '../bigquery/tables.ts'
import { corsHeaders, preflightHeaders } from '../wire/cors.ts'
import { http } from '../wire/node-http.ts'
import type { Broker } from './broker.ts'
import type { RestHost } from './rest/rest-host.ts'

export interface PubSubHttpOptions {
  broker: Broker
  rest: RestHost
  tables: Tables | undefined
  /** Resolves when all there is up to now will survive; undefined when it does already. */
  durable: () => Promise<void> | undefined
  /** Called for POST /shutdown, when it is answered. */
  shutdown: () => void
}

type Handler = (response: ServerResponse) => Promise<void> | void

const text = (response: ServerResponse, status: number, body: string, sent?: () => void): void => {
  response.writeHead(status, { 'content-type': 'text/plain' }).end(body, sent)
}

/** The API as JSON, the keys of the tokens that pushes carry, and what tools ask of an emulator. */
export const createPubSubHttpServer = ({ broker, rest, tables, durable, shutdown }: PubSubHttpOptions): Server => {
  const handlers: Record<string, Handler> = {
    'GET /': (response) => text(response, 200, 'Ok\n'),
    'GET /oauth2/v3/certs': async (response) => {
      const keys = await broker.idTokens.jwks()
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(keys))
    },
    'POST /reset': async (response) => {
      broker.reset()
      await durable()
      text(response, 200, 'Resetting...\n')
    },
    'POST /shutdown': (response) => text(response, 200, 'Shutting down...\n', shutdown),
  }
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.method === 'OPTIONS') {
      response.writeHead(200, preflightHeaders(request.headers)).end()
      return
    }
    for (const [name, value] of Object.entries(corsHeaders(request.headers))) response.setHeader(name, value)
    const handler = handlers[`${request.method} ${request.url}`]
    if (handler) await handler(response)
    else if (tables && answerBigQuery(tables, request, response)) return
    else if (!rest.answer(request, response)) text(response, 404, 'Not Found\n')
  }
  return http.createServer((request, response) => {
    answer(request, response).catch((error: unknown) => text(response, 500, `Engine fault: ${String(error)}\n`))
  })
}
