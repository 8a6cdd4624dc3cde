import { describe, expect, it } from 'vitest'
import {
  beginPublication,
  dieAgain,
  discard,
  endPublication,
  reopen,
  type Decided,
  type LetterLife,
} from './dead-letter-life.ts'

const now = '2026-01-01T00:00:00.000Z'
const earlier = '2025-12-31T00:00:00.000Z'
const lives = {
  open: { status: 'open' },
  replaying: { status: 'replaying', since: earlier, corrected: false, by: 'r1' },
  correcting: { status: 'replaying', since: earlier, corrected: true, by: null },
  replayed: { status: 'replayed', at: earlier, by: 'r1' },
  fixed: { status: 'fixed', at: earlier },
  discarded: { status: 'discarded', at: earlier, reason: 'a test' },
} as const satisfies Record<string, LetterLife['life']>
type Name = keyof typeof lives

const letter = (name: Name): LetterLife => ({ life: lives[name], attempts: 2 })
/** `open 3`, `unchanged` or `refused`: what a decision comes to, with the attempts after it. */
const told = (decided: Decided) =>
  decided.kind === 'next' ? `${decided.letter.life.status} ${decided.letter.attempts}` : decided.kind

const replay = (of: LetterLife) => beginPublication(of, { corrected: false, by: 'r2', now })
const fix = (of: LetterLife) => beginPublication(of, { corrected: true, by: null, now })

describe.each<[string, (of: LetterLife) => Decided, Record<Name, string>]>([
  [
    'to be replayed',
    replay,
    {
      open: 'replaying 3',
      replaying: 'replaying 2',
      correcting: 'replaying 2',
      replayed: 'unchanged',
      fixed: 'unchanged',
      discarded: 'refused',
    },
  ],
  [
    'to be fixed',
    fix,
    {
      open: 'replaying 3',
      replaying: 'refused',
      correcting: 'replaying 2',
      replayed: 'refused',
      fixed: 'refused',
      discarded: 'refused',
    },
  ],
  [
    'that is published',
    (of) => endPublication(of, now),
    {
      open: 'unchanged',
      replaying: 'replayed 2',
      correcting: 'fixed 2',
      replayed: 'unchanged',
      fixed: 'unchanged',
      discarded: 'unchanged',
    },
  ],
  [
    'that dies again',
    dieAgain,
    {
      open: 'unchanged',
      replaying: 'open 2',
      correcting: 'unchanged',
      replayed: 'open 2',
      fixed: 'unchanged',
      discarded: 'unchanged',
    },
  ],
  [
    'to be discarded',
    (of) => discard(of, 'noise', now),
    {
      open: 'discarded 2',
      replaying: 'refused',
      correcting: 'refused',
      replayed: 'refused',
      fixed: 'refused',
      discarded: 'unchanged',
    },
  ],
  [
    'to be reopened',
    reopen,
    {
      open: 'unchanged',
      replaying: 'refused',
      correcting: 'refused',
      replayed: 'open 2',
      fixed: 'open 2',
      discarded: 'open 2',
    },
  ],
])('a letter %s', (_what, decide, wanted) => {
  it.each(Object.keys(lives) as Name[])('when it is %s', (name) => {
    expect(told(decide(letter(name)))).toBe(wanted[name])
  })
})

it('what a worker left is taken up as it was begun', () => {
  expect(replay(letter('correcting'))).toMatchObject({ letter: { life: { corrected: true, by: null, since: now } } })
})

it('one that died again before its publication is noted stays open', () => {
  const begun = replay(letter('open'))
  const dead = begun.kind === 'next' ? dieAgain(begun.letter) : begun
  expect(dead.kind === 'next' && endPublication(dead.letter, now)).toEqual({ kind: 'unchanged' })
})
