export { systemTime, SteppedTime, type TimeSource } from '../clock/time-source.ts'
export { startPubSubEngine, type PubSubEngine, type PubSubEngineOptions } from './engine.ts'
