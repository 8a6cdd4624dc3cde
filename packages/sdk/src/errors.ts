import type { Problem } from '@infinity-matrix/contracts'
import { problemMessage } from '@infinity-matrix/contracts'

/** The event breaks a rule: sent again it would be refused again. */
export class EventRefusedError extends Error {
  readonly code = 'event-refused'
  readonly problem: Problem

  constructor(problem: Problem) {
    super(problemMessage(problem))
    this.problem = problem
  }
}

/** So much waits to be sent that no more is taken: wait for `ready`. */
export class BufferFullError extends Error {
  readonly code = 'buffer-full'
}

/** The batcher is closed and takes no more. */
export class BatcherClosedError extends Error {
  readonly code = 'batcher-closed'
}

/** The batch of the event could not be sent, after all tries of the transport; it may have arrived. `cause` says why. */
export class NotSentError extends Error {
  readonly code = 'not-sent'
}

/** No token is given for the key: it is none of the agent's, or not any more. `cause` says what was answered. */
export class CredentialRefusedError extends Error {
  readonly code = 'credential-refused'
}
