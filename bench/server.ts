// A server of a benchmark, in a process (and so on a core) of its own. Started by `startServer`.
import { startFirestoreEngine } from '@infinity-matrix/embedded/firestore'
import { startPubSubEngine } from '@infinity-matrix/embedded/pubsub'
import { startEmptyFirestore, startEmptyPubSub } from './empty-server.ts'

const servers = {
  firestore: () => startFirestoreEngine({ host: '127.0.0.1', port: 0 }),
  pubsub: () => startPubSubEngine({ host: '127.0.0.1', port: 0 }),
  'empty-firestore': startEmptyFirestore,
  'empty-pubsub': startEmptyPubSub,
}

const kind = process.argv[2] as keyof typeof servers
const { port } = await servers[kind]()
process.send?.({ port })
process.on('message', () => {
  globalThis.gc?.()
  process.send?.({ memoryBytes: process.memoryUsage().rss })
})
process.on('disconnect', () => process.exit(0))
