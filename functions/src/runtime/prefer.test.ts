import { expect, it } from 'vitest'
import { preferredWaitSeconds } from './prefer.ts'

it.each<[string | undefined, number | undefined]>([
  [undefined, undefined],
  ['', undefined],
  ['respond-async', undefined],
  ['wait=0', undefined],
  ['wait', undefined],
  ['wait=-1', undefined],
  ['wait=1.5', undefined],
  ['await=5', undefined],
  ['wait=5', 5],
  ['WAIT = "5"', 5],
  ['respond-async, wait=5; foo=bar', 5],
  ['handling=lenient,wait=5,return=minimal', 5],
  ['wait=999999999', 30],
])('of "%s", %s seconds are waited', (prefer, seconds) => {
  expect(preferredWaitSeconds(prefer, 30)).toBe(seconds)
})
