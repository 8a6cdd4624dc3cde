import type { OpenDuplex } from '../rpc/duplex.ts'
import { ListenStream } from './stream.ts'

/**
 * google.firestore.v1.Firestore/Listen: targets are added and removed by requests, and the client is told of what
 * changes in them, in consistent snapshots. A target that is refused is removed with its cause, and the stream goes on.
 */
export const openListenStream: OpenDuplex = (engine, principal, sink) => new ListenStream(engine, principal, sink)
