import { startFirestoreEngine } from '../index.ts'

// The process that `kill.test.ts` kills: an engine whose journal is so small that a snapshot is nearly always being made.
const { host, port } = await startFirestoreEngine({
  persistIn: process.argv[2] as string,
  journalLimits: { segmentBytes: 16_000, compactAfterBytes: 30_000 },
  log: console.error,
})
console.log(`listening on ${host}:${port}`)
