import type { WrappedKey } from '@infinity-matrix/contracts'
import { describe, expect, it } from 'vitest'
import { isVersionBelieved, versionForSigning } from './tenant-keys.ts'

const startMs = Date.UTC(2026, 0, 1)
const versionAt = (version: number, seconds: number): WrappedKey => ({
  version,
  createdAt: new Date(startMs + seconds * 1000).toISOString(),
  wrapped: '',
  wrappedBy: 'test',
})
const versions = [versionAt(1, 0), versionAt(2, 1000), versionAt(3, 2000)]
const signingAt = (seconds: number, of = versions) => versionForSigning(of, startMs + seconds * 1000)?.version

describe('the version that signs', () => {
  it('is the newest, once every instance knows it', () => {
    expect([signingAt(1119), signingAt(1120), signingAt(2119), signingAt(2120)]).toEqual([1, 2, 2, 3])
  })

  it('is the first one at once: nobody knew of none', () => {
    expect([signingAt(0), signingAt(0, [])]).toEqual([1, undefined])
  })
})

describe('what is signed is believed', () => {
  const believedAt = (seconds: number) =>
    [0, 1, 2, 3, 4].filter((version) => isVersionBelieved(versions, version, startMs + seconds * 1000))

  it('of the version that signs, the one before it, and those that other instances may sign with already', () => {
    expect(believedAt(2000)).toEqual([1, 2, 3])
    expect(believedAt(2120)).toEqual([2, 3])
  })
})
