import type { ServerResponse } from 'node:http'
import type protobuf from 'protobufjs'
import { principalOf } from '../access/principal.ts'
import type { Engine } from '../engine.ts'
import { drained } from '../http/drained.ts'
import { errorObject } from '../http/error-body.ts'
import { JSON_TYPE, type Request, type Response, type Route } from '../http/server.ts'
import { methods, type StreamingMethod, type UnaryMethod } from '../rpc/methods.ts'
import { statusOf, type Log } from '../rpc/service.ts'
import { httpRules, type HttpRule } from './http-rule.ts'
import { compactJson, fromParsed, prettyJson, type JsonOut } from './json-text.ts'
import { writeMessage } from './message-json.ts'
import { readRequest } from './request.ts'

type Print = (json: JsonOut) => string

const printer = ({ searchParams }: URL): Print => {
  const pretty = searchParams.get('prettyPrint') ?? searchParams.get('$prettyPrint')
  return pretty === 'false' || pretty === '0' ? compactJson : prettyJson
}

type Message = Record<string, unknown>

/** One method as it is called by one of its rules. */
interface Call {
  readonly method: UnaryMethod | StreamingMethod
  readonly rule: HttpRule
  readonly request: protobuf.Type
  readonly response: protobuf.Type
}

/** The rest of a body that has begun: an array of answers, one after the other. */
const streamBody =
  (answers: AsyncIterator<object>, first: IteratorResult<object>, print: (answer: object) => string, log: Log) =>
  async (out: ServerResponse): Promise<void> => {
    out.write('[\n')
    try {
      let separator = ''
      for (let next = first; !next.done && !out.destroyed; next = await answers.next()) {
        if (!out.write(separator + print(next.value))) await drained(out)
        separator = ',\n'
      }
    } catch (error) {
      // Too late for a status: the error is the last of the answers.
      const { code, details } = statusOf(error, log)
      out.write(`,\n${prettyJson(fromParsed(errorObject(code, details)))}`)
    } finally {
      await answers.return?.()
    }
    out.end('\n]\n')
  }

const serve = async (engine: Engine, call: Call, asked: Request, log: Log): Promise<Response> => {
  const { method } = call
  const principal = principalOf(asked.headers.authorization)
  const { groups, url, body } = asked
  const request = readRequest(call.request, call.rule, groups, url.searchParams, body) as never
  const print = printer(url)
  const text = (answer: object) => print(writeMessage(call.response, answer as Message))
  if (method.kind === 'unary') {
    return { status: 200, headers: JSON_TYPE, body: `${text(await method.handle(engine, request, principal))}\n` }
  }
  const answers = method.handle(engine, request, principal)[Symbol.asyncIterator]()
  // An error before the first answer is told by the status.
  const first = await answers.next()
  return { status: 200, headers: JSON_TYPE, body: streamBody(answers, first, text, log) }
}

// An id may have a colon, and a name may have anything: a path that ends in a verb is none that ends in an id, and one
// that ends in the id of a collection is no name of a document.
const rank = ({ rule }: Call): number => (rule.body === '*' ? 0 : rule.variables.includes('collectionId') ? 1 : 2)

const callsOf = (protos: protobuf.Root): Call[] => {
  const service = protos.lookupService('google.firestore.v1.Firestore').resolveAll() as protobuf.Service
  const calls = Object.entries(methods).flatMap(([name, method]) => {
    const definition = service.methods[name]?.resolve() as protobuf.Method
    const { resolvedRequestType: request, resolvedResponseType: response } = definition
    if (!request || !response) throw new Error(`${name} has no types`)
    return httpRules(definition).map((rule): Call => ({ method, rule, request, response }))
  })
  return calls.toSorted((a, b) => rank(a) - rank(b))
}

/** The methods of google.firestore.v1.Firestore over HTTP and JSON, by the annotations of `protos`. */
export const restRoutes = (engine: Engine, protos: protobuf.Root, log: Log): Route[] =>
  callsOf(protos).map((call) => ({
    method: call.rule.httpMethod,
    path: call.rule.path,
    handle: (request) => serve(engine, call, request, log),
  }))
