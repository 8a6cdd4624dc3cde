export { onHeartbeat } from './onHeartbeat.ts'
export { onStateChange } from './onStateChange.ts'
export { sweepGaps } from './sweepGaps.ts'
export { sweepSilent } from './sweepSilent.ts'
