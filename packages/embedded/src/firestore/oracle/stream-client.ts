import { Client, Metadata, credentials, type ClientDuplexStream, type ServiceError } from '@grpc/grpc-js'
import { SERVICE, codeName, service } from './client.ts'
import { formatMessage, parseMessage, type JsonObject } from './proto-json.ts'

/** What comes from the other side: a response, the end with OK, or the end with an error. */
export type StreamEvent =
  | { readonly kind: 'response'; readonly response: JsonObject }
  | { readonly kind: 'end' }
  | { readonly kind: 'error'; readonly status: string; readonly message: string }

const END: StreamEvent = { kind: 'end' }

/** One bidirectional call, in JSON, over gRPC and by Google's own definitions. */
export class JsonStream {
  readonly #client: Client
  readonly #call: ClientDuplexStream<object, object>
  readonly #come: StreamEvent[] = []
  readonly #waiting: ((event: StreamEvent) => void)[] = []
  readonly #parse: (json: JsonObject) => object
  #over = false

  constructor(address: string, method: 'Listen' | 'Write', authorization = 'Bearer owner') {
    const { resolvedRequestType: requestType, resolvedResponseType: responseType } = service.methods[method] ?? {}
    if (!requestType || !responseType) throw new Error(`no method ${method}`)
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 })
    const metadata = new Metadata()
    if (authorization !== '') metadata.set('authorization', authorization)
    this.#parse = (json) => parseMessage(requestType, json)
    this.#call = this.#client.makeBidiStreamRequest(
      `/${SERVICE}/${method}`,
      (message: object) => Buffer.from(requestType.encode(message).finish()),
      (bytes: Buffer) => responseType.decode(bytes),
      metadata,
    )
    this.#call.on('data', (message: { [key: string]: unknown }) =>
      this.#arrive({ kind: 'response', response: formatMessage(responseType, message) }),
    )
    this.#call.on('end', () => this.#finish(END))
    this.#call.on('error', ({ code, details }: ServiceError) =>
      this.#finish({ kind: 'error', status: codeName(code), message: details }),
    )
  }

  send(json: JsonObject): void {
    this.#call.write(this.#parse(json))
  }

  /** Takes nothing more until `resume`, so that what comes is held up on its way. */
  pause(): void {
    this.#call.pause()
  }

  resume(): void {
    this.#call.resume()
  }

  halfClose(): void {
    this.#call.end()
  }

  /** The next event; after the last it is the end, over and over. */
  async next(): Promise<StreamEvent> {
    const first = this.#come.shift()
    if (first) return first
    if (this.#over) return END
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  close(): void {
    this.#call.cancel()
    this.#client.close()
  }

  #arrive(event: StreamEvent): void {
    const first = this.#waiting.shift()
    if (first) first(event)
    else this.#come.push(event)
  }

  #finish(event: StreamEvent): void {
    // An error comes with an end of the stream before or after it; only the error counts.
    if (this.#over) return
    if (event.kind === 'end') {
      // The status comes after the last message.
      setImmediate(() => this.#conclude(event))
    } else this.#conclude(event)
  }

  #conclude(event: StreamEvent): void {
    if (this.#over) return
    this.#over = true
    this.#arrive(event)
    for (const resolve of this.#waiting.splice(0)) resolve(END)
  }
}
