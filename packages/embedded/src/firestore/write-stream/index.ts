import { Code, StatusError } from '../../wire/status-error.ts'
import { parseDatabaseName } from '../names.ts'
import type { OpenDuplex } from '../rpc/duplex.ts'
import type { CommitRequest, WriteRequest } from '../rpc/messages.ts'
import { commit } from '../rpc/writes.ts'

const invalid = (message: string) => new StatusError(Code.INVALID_ARGUMENT, message)

const NO_TRANSACTION = new Uint8Array()

/** Checks the first request, which opens the stream and carries nothing. Throws INVALID_ARGUMENT. */
const requireHandshake = ({ database, streamId, streamToken, writes }: WriteRequest): string => {
  if (database === '') throw invalid("'database' must be set on an initial write request.")
  if (writes.length > 0) throw invalid("'writes' must not be set on an initial write request.")
  if (streamId !== '') throw invalid('Resuming streams is not supported, do not set stream ID.')
  if (streamToken.length > 0) {
    throw invalid("Resuming streams is not supported, 'stream_token' must not be set on an initial write request.")
  }
  return parseDatabaseName(database)
}

let streams = 0

/**
 * google.firestore.v1.Firestore/Write: after a handshake each request is one commit, answered in the order of requests,
 * however many are under way. A commit that fails ends the stream with its status; a request without writes ends it well.
 * Tokens are given and not asked for: a stream is not resumed, and a client that lost an answer opens another.
 */
export const openWriteStream: OpenDuplex = (engine, principal, sink) => {
  const streamId = String(++streams)
  let database: string | null = null
  let token = 0
  let over = false
  let work = Promise.resolve()

  const nextToken = (): Uint8Array => Buffer.from(String(token++))

  const finish = (how: () => void): void => {
    if (over) return
    over = true
    how()
  }

  const serve = async (request: WriteRequest): Promise<void> => {
    if (database === null) {
      database = requireHandshake(request)
      sink.send({ streamId, streamToken: nextToken() })
      return
    }
    if (request.database !== '' && request.database !== database) {
      throw invalid(
        `Request specified a database (${request.database}) that did not match the expected database (${database})`,
      )
    }
    const { writes } = request
    if (writes.length === 0) {
      sink.send({ streamToken: nextToken() })
      finish(() => sink.end())
      return
    }
    const commitRequest: CommitRequest = { database, writes, transaction: NO_TRANSACTION }
    const committed = await commit(engine, commitRequest, principal)
    if (!over) sink.send({ streamToken: nextToken(), ...committed })
  }

  /** One request after the other; what comes after the end is not looked at. */
  const queue = (step: () => void | Promise<void>): void => {
    work = work.then(async () => {
      if (over) return
      try {
        await step()
      } catch (error) {
        finish(() => sink.fail(error))
      }
    })
  }

  return {
    receive: (request) => queue(() => serve(request as WriteRequest)),
    halfClose: () => queue(() => finish(() => sink.end())),
    // Answers are few and small: each waits for a request of the client's.
    drained: () => {},
    cancel: () => {
      over = true
    },
  }
}
