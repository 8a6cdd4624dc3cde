import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { http } from '../wire/node-http.ts'
import { text } from 'node:stream/consumers'
import type protobuf from 'protobufjs'
import type { IdTokens } from '../oidc/id-tokens.ts'
import { asStatus } from '../wire/unary.ts'
import { httpErrorBody, httpStatusOf } from '../wire/http-error.ts'
import { Transcoder } from '../wire/http-rule.ts'
import { toJson } from '../wire/proto-json.ts'
import { Code, StatusError } from '../wire/status-error.ts'
import { invalidArgument } from './errors.ts'
import type { Queues } from './queues.ts'
import { registrationOf } from './registration.ts'
import { SERVICES, type Methods } from './service.ts'

export interface HttpOptions {
  root: protobuf.Root
  methods: Methods
  queues: Queues
  tokens: IdTokens
}

// How the suite's functions emulator makes the queue of a function known.
const REGISTRATION = /^\/(projects\/[^/]+\/locations\/[^/]+\/queues\/[^/:]+)$/

const parse = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch (error) {
    throw invalidArgument(`Invalid JSON payload received. ${(error as Error).message}`)
  }
}

type Answer = { status: number; body: unknown }

const answerTo = async (
  request: IncomingMessage,
  { methods, queues, tokens }: HttpOptions,
  transcoder: Transcoder,
): Promise<Answer> => {
  const { method: verb = 'GET', url = '/' } = request
  if (verb === 'GET' && url === '/') return { status: 200, body: { service: 'Cloud Tasks' } }
  if (verb === 'GET' && url === '/oauth2/v3/certs') return { status: 200, body: await tokens.jwks() }
  const body = await text(request)
  const registered = verb === 'POST' ? REGISTRATION.exec(url)?.[1] : undefined
  if (registered !== undefined) {
    const { settings, defaultUrl } = registrationOf(parse(body))
    return { status: 200, body: { taskQueueConfig: queues.register(registered, settings, defaultUrl) } }
  }
  // firebase-admin leaves the version out when it speaks to an emulator.
  const versioned = url.startsWith('/projects/') ? `/v2${url}` : url
  const transcoded = transcoder.transcode({ verb, url: versioned, body })
  const answer = transcoded && methods[transcoded.method.name]
  const type = transcoded?.method.resolvedResponseType
  if (!answer || !type) throw new StatusError(Code.NOT_FOUND, `There is no ${verb} ${url}.`)
  return { status: 200, body: toJson(type, answer(transcoded.request as never)) }
}

const send = (response: ServerResponse, { status, body }: Answer): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' }).end(`${JSON.stringify(body)}\n`)
}

/** Cloud Tasks over REST, and how the suite's functions make their queues known. */
export const createTasksHttpServer = (options: HttpOptions): Server => {
  const transcoder = new Transcoder(
    SERVICES.map((name) => options.root.lookupService(name).resolveAll() as protobuf.Service),
  )
  return http.createServer((request, response) => {
    answerTo(request, options, transcoder).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        const status = asStatus(error)
        send(response, { status: httpStatusOf(status.code), body: httpErrorBody(status) })
      },
    )
  })
}
