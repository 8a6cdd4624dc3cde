import { collections } from '@infinity-matrix/contracts'
import { functionRows, writtenByAll } from '@infinity-matrix/core/access'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { isGrowing } from './growth.ts'
import { readIndexConfig } from './index-config.ts'
import { driveFunctions, type Driven } from './drive.ts'

let driven: Driven
beforeAll(async () => {
  driven = await driveFunctions()
}, 120_000)
afterAll(() => driven.close())

describe('what the functions write', () => {
  it('is seen for every collection', () => {
    const missing = Object.values(collections).filter((name) => !driven.writes.collections().has(name))
    expect(missing, 'add what writes them to drive.ts').toEqual([])
  })

  it('goes to no collection that the row of the function does not name', () => {
    const beyond = Object.entries(functionRows).flatMap(([name, row]) => {
      const allowed: readonly string[] = 'writes' in row ? [...row.writes, ...writtenByAll] : Object.values(collections)
      return [...(driven.writers().get(name) ?? [])].flatMap((one) =>
        allowed.includes(one) ? [] : [`${name}: ${one}`],
      )
    })
    expect(beyond, 'write it into its row, or elsewhere').toEqual([])
    expect(driven.writers().get('fleet-onStateChange')).toContain('agents')
  })

  it('goes to no index that only grows, which Firestore would hold to 500 writes a second', () => {
    expect(driven.writes.growing(), 'exempt the field in firestore.indexes.json').toEqual([])
  })
})

describe('the check', () => {
  const without = (collectionGroup: string, fieldPath: string) => {
    const config = readIndexConfig()
    const fieldOverrides = config.fieldOverrides.filter(
      (one) => one.collectionGroup !== collectionGroup || one.fieldPath !== fieldPath,
    )
    expect(fieldOverrides.length).toBeLessThan(config.fieldOverrides.length)
    return { fieldOverrides }
  }
  it.each([
    ['agents', 'updatedAt'],
    ['agents', 'createdAt'],
    ['agents', 'gapSince'],
  ])('names %s.%s when its exemption is gone', (collection, field) => {
    expect(driven.writes.growing(without(collection, field))).toContain(`${collection}.${field}`)
  })
  it('names a field of a map', () => {
    expect(driven.writes.growing(without('agents', 'reported.run'))).toContain('agents.reported.run.startedAt')
  })

  const numbers = (values: number[]) => values.map((value) => ({ value, group: '' }))
  const grows = (values: number[]) => isGrowing(numbers(values), (a, b) => a - b, String)
  const upTo = (count: number) => Array.from({ length: count }, (_, index) => index)
  it('tells growth, also among others, from values at random, from few values, and from counts of many agents', () => {
    expect(grows(upTo(100))).toBe(true)
    expect(grows(upTo(100).map((value) => -value))).toBe(true)
    expect(grows(upTo(100).flatMap((value) => [value, value]))).toBe(true)
    expect(grows(upTo(100).map((value) => (value * 7919) % 101))).toBe(false)
    expect(grows(upTo(100).map((value) => Math.floor(value / 50)))).toBe(false)
    expect(grows(upTo(400).map((value) => (value % 2 ? value : ((value * 7919) % 1009) + 1000)))).toBe(true)
    expect(grows(upTo(600).map((value) => Math.floor(value / 20) + ((value * 13) % 20) * 3))).toBe(false)
  })
  it('lets values grow in shards', () => {
    const sharded = upTo(400).map((value) => ({ value, group: String(value % 8) }))
    expect(isGrowing(sharded, (a, b) => a - b, String)).toBe(false)
  })
})
