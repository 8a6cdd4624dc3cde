import type { sendUnaryData, UntypedServiceImplementation } from '@grpc/grpc-js'
import type { ServiceHost } from '../service-host.ts'
import { asStatus, type UnaryHandler } from '../../wire/unary.ts'

/** They may be lost, so that messages come again; those that may not say so themselves. */
const MAY_BE_LOST: ReadonlySet<string> = new Set(['Pull', 'ModifyAckDeadline'])

const whenDurable =
  (handler: UnaryHandler<object>, durable: () => Promise<void> | undefined): UnaryHandler<object> =>
  (call, answer) => {
    handler(call, (refusal, response) => {
      const kept = refusal ? undefined : durable()
      if (kept) void answerAfter(kept, response, answer)
      else answer(refusal, response)
    })
  }

const answerAfter = async (
  kept: Promise<void>,
  response: object | null | undefined,
  answer: sendUnaryData<object>,
): Promise<void> => {
  try {
    await kept
  } catch (failure) {
    answer(asStatus(failure))
    return
  }
  answer(null, response)
}

/** A host that answers unary calls only when what they did will survive the process. */
export const durableHost = (host: ServiceHost, durable: () => Promise<void> | undefined): ServiceHost => ({
  addService(definition, implementation) {
    const wrapped: UntypedServiceImplementation = {}
    for (const [method, handler] of Object.entries(implementation)) {
      const wait = definition[method]?.requestStream === false && !MAY_BE_LOST.has(method)
      wrapped[method] = wait ? whenDurable(handler as UnaryHandler<object>, durable) : handler
    }
    host.addService(definition, wrapped)
  },
})
