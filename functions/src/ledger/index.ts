export { api } from './api.ts'
export { seal } from './seal.ts'
export { sealTick } from './sealTick.ts'
