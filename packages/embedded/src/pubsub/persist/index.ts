import type protobuf from 'protobufjs'
import { openJournal } from '../../journal/index.ts'
import type { Broker } from '../broker.ts'
import { JournalRecorder } from './journal-recorder.ts'
import { recordCodec } from './records.ts'
import { RecordedState } from './recorded-state.ts'

export { durableHost } from './durable-host.ts'
export type { JournalRecorder } from './journal-recorder.ts'

export interface PersistOptions {
  /** Made when it is not there. */
  folder: string
  /** The definitions of Pub/Sub. */
  root: protobuf.Root
  log?: ((line: string) => void) | undefined
  /** See `JournalOptions`. */
  compactAfterBytes?: number | undefined
}

/**
 * Gives a new broker what an earlier one left in the folder, and from then on keeps what becomes of it there. Throws
 * `JournalError` when the folder cannot be used.
 */
export const persist = async (
  broker: Broker,
  { folder, root, log, compactAfterBytes }: PersistOptions,
): Promise<JournalRecorder> => {
  const codec = recordCodec(root)
  const state = new RecordedState()
  const journal = await openJournal({
    folder,
    kind: 'pubsub',
    ...(compactAfterBytes !== undefined && { compactAfterBytes }),
    onRecord: (record) => state.apply(codec.decode(record)),
    ...(log && { log, onFailure: (error) => log(`Nothing is kept any more: ${error.message}`) }),
  })
  state.restore(broker)
  if (state.signingKey !== undefined) broker.idTokens.useKey(state.signingKey)
  const recorder = new JournalRecorder(journal, codec, broker, state.signingKey)
  broker.recorder = recorder
  broker.idTokens.onNewKey = (privateJwk) => recorder.signingKey(privateJwk)
  return recorder
}
