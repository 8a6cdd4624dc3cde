import type { Member } from '@infinity-matrix/contracts'
import type { CustomClaims } from '@infinity-matrix/core/access'
import { once } from '../../runtime/context.ts'
import { projectId } from '../../runtime/params.ts'

/** Accounts of Firebase Auth. */
export interface Accounts {
  /** The id of the account with an e-mail address; undefined where there is none. */
  uidOf: (email: string) => Promise<string | undefined>
  exists: (uid: string) => Promise<boolean>
  /** An account with that id is there, whether it was before or not. @param name as it is shown to its owner */
  ensure: (uid: string, name: string) => Promise<void>
  /** What its tokens tell from the next one on. */
  setClaims: (uid: string, claims: Pick<Member, 'roles' | 'signedInFrom'>) => Promise<void>
  /** Whoever is signed in has to do so again, at the latest when their token expires. */
  endSessions: (uid: string) => Promise<void>
  /** With this, Firebase signs the account in within an hour. Its tokens say what is claimed, also refreshed ones. */
  customToken: (uid: string, claims: CustomClaims) => Promise<string>
}

const hasCode = (error: unknown, code: string): boolean =>
  error instanceof Error && 'code' in error && error.code === code

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
      if (hasCode(error, 'auth/user-not-found')) return undefined
      throw error
    }
  }
  const exists = async (uid: string) => (await uidWhere(() => auth.getUser(uid))) !== undefined
  const ensure = async (uid: string, displayName: string): Promise<void> => {
    if (await exists(uid)) return
    try {
      await auth.createUser({ uid, displayName })
    } catch (error) {
      // Whose wallet signs in twice at the same moment.
      if (!hasCode(error, 'auth/uid-already-exists')) throw error
    }
  }
  return {
    uidOf: (email) => uidWhere(() => auth.getUserByEmail(email)),
    exists,
    ensure,
    setClaims: (uid, { roles, signedInFrom }) => auth.setCustomUserClaims(uid, { roles, signedInFrom }),
    endSessions: (uid) => auth.revokeRefreshTokens(uid),
    customToken: (uid, claims) => auth.createCustomToken(uid, claims),
  }
})

export const openAccountsNow = (): Promise<Accounts> => openAccounts(undefined)
