// A server of a benchmark, in a process (and so on a core) of its own. Started by `startServer`.
const onFreePort = { host: '127.0.0.1', port: 0 }

// Each loads what it needs and no more, so that its start and its memory are its own.
const servers = {
  firestore: async () => (await import('@infinity-matrix/embedded/firestore')).startFirestoreEngine(onFreePort),
  pubsub: async () => (await import('@infinity-matrix/embedded/pubsub')).startPubSubEngine(onFreePort),
  'empty-firestore': async () => (await import('./empty-server.ts')).startEmptyFirestore(),
  'empty-pubsub': async () => (await import('./empty-server.ts')).startEmptyPubSub(),
}

const kind = process.argv[2] as keyof typeof servers
const { port } = await servers[kind]()
process.send?.({ port })
process.on('message', () => {
  globalThis.gc?.()
  const { user, system } = process.cpuUsage()
  process.send?.({ memoryBytes: process.memoryUsage.rss(), cpuSeconds: (user + system) / 1e6 })
})
process.on('disconnect', () => process.exit(0))
