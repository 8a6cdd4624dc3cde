export { api } from './api.ts'
export { replayDeadLetters } from './replayDeadLetters.ts'
