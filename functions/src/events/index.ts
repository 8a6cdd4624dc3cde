export { api } from './api.ts'
export { erase } from './erase.ts'
export { replayDeadLetters } from './replayDeadLetters.ts'
