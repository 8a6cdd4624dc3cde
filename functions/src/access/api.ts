import { onRequest } from '../runtime/on-request.ts'
import { serveTenantKeys } from './keys/routes.ts'

/** What people may do about access: tenants' keys. */
export const api = onRequest(
  'access-api',
  { maxInstances: 4, concurrency: 40, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    serveTenantKeys(app, context)
  },
)
