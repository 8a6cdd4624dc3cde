import { onRequest } from '../runtime/on-request.ts'
import { serveAgentKeys } from './agents/key-routes.ts'
import { serveApiKeys } from './api-keys/routes.ts'
import { serveTenantKeys } from './keys/routes.ts'
import { serveMembers } from './members/routes.ts'
import { servePasskeys } from './passkeys/routes.ts'
import { serveServiceAccounts } from './service-accounts/routes.ts'
import { serveWalletSignIn } from './wallet/routes.ts'

/** Who is who, and may do what: how people sign in, members, services and agents, and the keys of tenants. */
export const api = onRequest(
  'access-api',
  { maxInstances: 4, concurrency: 40, memory: '512MiB', cpu: 1, timeoutSeconds: 60 },
  (app, context) => {
    serveMembers(app, context)
    serveApiKeys(app, context)
    serveServiceAccounts(app, context)
    serveAgentKeys(app, context)
    serveTenantKeys(app, context)
    servePasskeys(app, context)
    serveWalletSignIn(app, context)
  },
)
