import type { Person } from './people.ts'

/** Somebody tried something, and what came of it. */
export interface Trial {
  /** `get agents`, a route, or `function fleet-api`. */
  what: string
  who: Pick<Person, 'name' | 'where'>
  isMeant: boolean
  outcome: 'allowed' | 'denied' | 'untested' | `answered ${number}`
}
