export { agentTokens } from './agentTokens.ts'
export { api } from './api.ts'
export { reencrypt } from './reencrypt.ts'
export { rotateKeys } from './rotateKeys.ts'
