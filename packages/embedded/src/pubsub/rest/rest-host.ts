import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import { createUnzip } from 'node:zlib'
import type { MethodDefinition, ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'
import type protobuf from 'protobufjs'
import { httpErrorBody, httpStatusOf } from '../../wire/http-error.ts'
import { Transcoder, type HttpBinding, type Transcoded } from '../../wire/http-rule.ts'
import { toJson } from '../../wire/proto-json.ts'
import { StatusError } from '../../wire/status-error.ts'
import { invalidArgument } from '../errors.ts'
import { REQUEST_BYTES_MAX } from '../limits.ts'
import type { ServiceHost } from '../service-host.ts'
import { asStatus, type UnaryHandler } from '../../wire/unary.ts'

// The definitions of google.iam.v1 are for all services; Pub/Sub reads policies with GET.
const BINDINGS: Record<string, HttpBinding[]> = { GetIamPolicy: [{ get: '/v1/{resource=**}:getIamPolicy' }] }

interface Served {
  definition: MethodDefinition<object, object>
  handler: UnaryHandler<object>
}

const COMPRESSED: ReadonlySet<string | undefined> = new Set(['gzip', 'x-gzip', 'deflate'])

/** What is too much is `drained`: a client that still writes would not see the answer. */
const readAll = async (body: Readable, drained: boolean): Promise<string> => {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of body as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes <= REQUEST_BYTES_MAX) chunks.push(chunk)
    else if (!drained) break
  }
  if (bytes > REQUEST_BYTES_MAX) {
    throw invalidArgument(`Request payload size exceeds the limit: ${REQUEST_BYTES_MAX} bytes.`)
  }
  return Buffer.concat(chunks).toString()
}

/** Google's older clients for Java compress what they send. */
const readBody = async (request: IncomingMessage): Promise<string> => {
  if (!COMPRESSED.has(request.headers['content-encoding'])) return readAll(request, true)
  try {
    // Little can become very much: that is not worth to be read to its end.
    return await readAll(
      pipeline(request, createUnzip(), () => {}),
      false,
    )
  } catch (error) {
    throw error instanceof StatusError ? error : invalidArgument('The request body could not be decompressed.')
  }
}

const send = (response: ServerResponse, status: number, body: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json; charset=UTF-8' })
  response.end(`${JSON.stringify(body, null, 2)}\n`)
}

/** Serves the methods that gRPC serves over HTTP/1.1 with JSON, https://cloud.google.com/pubsub/docs/reference/rest */
export class RestHost implements ServiceHost {
  readonly #methods = new Map<string, Served>()
  readonly #transcoder: Transcoder

  constructor(services: readonly protobuf.Service[]) {
    this.#transcoder = new Transcoder(services, BINDINGS)
  }

  addService(definitions: ServiceDefinition, implementation: UntypedServiceImplementation): void {
    for (const [name, definition] of Object.entries(definitions) as [string, Served['definition']][]) {
      const handler = implementation[name] as UnaryHandler<object> | undefined
      if (handler && !definition.requestStream) this.#methods.set(definition.path, { definition, handler })
    }
  }

  /** Answers a request; false, without having touched it, when its path is no method's. */
  answer(request: IncomingMessage, response: ServerResponse): boolean {
    const { method: verb = '', url = '' } = request
    if (!url.startsWith('/v1/')) return false
    this.#answer(verb, url, request, response).catch((error: unknown) => {
      const status = asStatus(error)
      send(response, httpStatusOf(status.code), httpErrorBody(status))
    })
    return true
  }

  async #answer(verb: string, url: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request)
    const transcoded = this.#transcoder.transcode({ verb, url, body })
    const served = transcoded && this.#methods.get(`/${transcoded.service}/${transcoded.method.name}`)
    if (!served) {
      send(response, 404, { error: { code: 404, message: 'Method not found.', status: 'NOT_FOUND' } })
      return
    }
    send(response, 200, await this.#call(served, transcoded, response))
  }

  /** Through the encodings of gRPC, so that handlers see the same messages. */
  #call({ definition, handler }: Served, { method, request }: Transcoded, response: ServerResponse): Promise<unknown> {
    const { resolvedRequestType, resolvedResponseType } = method
    if (!resolvedRequestType || !resolvedResponseType) throw new Error(`${method.name} has no types`)
    const message = definition.requestDeserialize(Buffer.from(resolvedRequestType.encode(request).finish()))
    const call = {
      request: message,
      on(_event: 'cancelled', listener: () => void) {
        response.on('close', () => {
          if (!response.writableFinished) listener()
        })
      },
    }
    return new Promise((resolve, reject) => {
      handler(call, (error, answer) => {
        if (error || !answer) reject(asStatus(error ?? 'no answer'))
        else resolve(toJson(resolvedResponseType, resolvedResponseType.decode(definition.responseSerialize(answer))))
      })
    })
  }
}
