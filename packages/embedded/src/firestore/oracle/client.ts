import { Client, Metadata, credentials, type ServiceError } from '@grpc/grpc-js'
import protobuf from 'protobufjs'
import { loadProtos } from '../../wire/protos.ts'
import { Code } from '../../wire/status-error.ts'
import { formatMessage, parseMessage, type Json, type JsonObject } from './proto-json.ts'

export const SERVICE = 'google.firestore.v1.Firestore'

const root = loadProtos('firestore')
// As in the definitions of the web client.
const write = root.lookupType('google.firestore.v1.Write')
write.add(new protobuf.Field('verify', 5, 'string'))
/** The service as its clients know it. */
export const service = root.lookupService(SERVICE).resolveAll() as protobuf.Service

/** What a call came to: OK and the responses, or an error. */
export interface Answer {
  status: string
  message: string
  responses: JsonObject[]
}

export const codeName = (code: number): string =>
  Object.entries(Code).find(([, value]) => value === code)?.[0] ?? String(code)

/** Calls methods with JSON and answers with JSON, over gRPC and by Google's own definitions. */
export class JsonClient {
  readonly #client: Client
  readonly #metadata = new Metadata()

  constructor(address: string, authorization = 'Bearer owner') {
    this.#client = new Client(address, credentials.createInsecure(), { 'grpc.max_receive_message_length': -1 })
    if (authorization !== '') this.#metadata.set('authorization', authorization)
  }

  async call(name: string, json: JsonObject, serviceName = SERVICE): Promise<Answer> {
    const method = service.methods[name]?.resolve() as protobuf.Method | undefined
    if (!method?.resolvedRequestType || !method.resolvedResponseType) throw new Error(`no method ${name}`)
    const { resolvedRequestType: requestType, resolvedResponseType: responseType } = method
    const call = this.#client.makeServerStreamRequest(
      `/${serviceName}/${name}`,
      (message: object) => Buffer.from(requestType.encode(message).finish()),
      (bytes: Buffer) => responseType.decode(bytes),
      parseMessage(requestType, json),
      this.#metadata,
    )
    const responses: JsonObject[] = []
    try {
      for await (const message of call as AsyncIterable<{ [key: string]: unknown }>) {
        responses.push(formatMessage(responseType, message))
      }
      return { status: 'OK', message: '', responses }
    } catch (error) {
      const { code, details } = error as ServiceError
      return { status: codeName(code), message: details, responses }
    }
  }

  /** The only response of a call that must succeed. */
  async ask(name: string, json: JsonObject): Promise<JsonObject> {
    const { status, message, responses } = await this.call(name, json)
    if (status !== 'OK') throw new Error(`${name}: ${status} ${message}`)
    return responses[0] ?? {}
  }

  close(): void {
    this.#client.close()
  }
}

/** What lies at a path in JSON. */
export const at = (json: Json | undefined, ...path: (string | number)[]): Json | undefined => {
  let value: Json | undefined = json
  for (const key of path) {
    if (typeof value !== 'object' || value === null) return undefined
    value = (value as { [key: string]: Json })[key]
  }
  return value
}
