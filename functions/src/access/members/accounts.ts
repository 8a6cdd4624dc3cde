import type { RolesByTenant } from '@infinity-matrix/contracts'
import { once } from '../../runtime/context.ts'
import { projectId } from '../../runtime/params.ts'

/** Accounts of Firebase Auth. */
export interface Accounts {
  /** The id of the account with an e-mail address; undefined where there is none. */
  uidOf: (email: string) => Promise<string | undefined>
  exists: (uid: string) => Promise<boolean>
  /** What its tokens tell from the next one on. */
  setRoles: (uid: string, roles: RolesByTenant) => Promise<void>
  /** Whoever is signed in has to do so again, at the latest when their token expires. */
  endSessions: (uid: string) => Promise<void>
}

const isNoAccount = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && error.code === 'auth/user-not-found'

/** Google's own. Its library takes 200 ms to load, and is loaded where accounts are changed only. */
export const openAccounts = once(async (_: undefined): Promise<Accounts> => {
  const [{ getApps, initializeApp }, { getAuth }] = await Promise.all([
    import('firebase-admin/app'),
    import('firebase-admin/auth'),
  ])
  const auth = getAuth(getApps()[0] ?? initializeApp({ projectId: projectId() }))
  const uidWhere = async (find: () => Promise<{ uid: string }>): Promise<string | undefined> => {
    try {
      return (await find()).uid
    } catch (error) {
      if (isNoAccount(error)) return undefined
      throw error
    }
  }
  return {
    uidOf: (email) => uidWhere(() => auth.getUserByEmail(email)),
    exists: async (uid) => (await uidWhere(() => auth.getUser(uid))) !== undefined,
    setRoles: (uid, roles) => auth.setCustomUserClaims(uid, { roles }),
    endSessions: (uid) => auth.revokeRefreshTokens(uid),
  }
})
