import { Properties, propertiesDepthMax, propertiesFault, propertiesLengthMax } from '@infinity-matrix/contracts'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deltaOf, isEqual, isInSync, isOverlapping, mergePatch } from './properties.ts'

const name = fc.constantFrom('a', 'b', 'c')
const { value: json } = fc.letrec<{ value: Properties[string]; object: Properties }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Properties[string]>(null, true, 0, 1, 'x', 'y'),
    fc.array(tie('value'), { maxLength: 3 }),
    tie('object'),
  ),
  object: fc.dictionary(name, tie('value'), { maxKeys: 3, noNullPrototype: true }),
}))
const patch = fc.dictionary(name, json, { maxKeys: 3, noNullPrototype: true })
/** Properties that stand somewhere: what null took away is gone. */
const properties = patch.map((any) => mergePatch({}, any))

describe('a merge patch', () => {
  // The examples of RFC 7386, appendix A, whose target and patch are objects.
  it.each([
    [{ a: 'b' }, { a: 'c' }, { a: 'c' }],
    [{ a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    [{ a: 'b' }, { a: null }, {}],
    [{ a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    [{ a: ['b'] }, { a: 'c' }, { a: 'c' }],
    [{ a: 'c' }, { a: ['b'] }, { a: ['b'] }],
    [{ a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    [{ a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    [{ e: null }, { a: 1 }, { e: null, a: 1 }],
    [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
  ])('%j with %j is %j', (target: Properties, change: Properties, result) => {
    expect(mergePatch(target, change)).toEqual(result)
  })

  it('applied again changes nothing', () => {
    fc.assert(
      fc.property(properties, patch, (target, change) => {
        const once = mergePatch(target, change)
        expect(mergePatch(once, change)).toEqual(once)
      }),
    )
  })
})

describe('a delta', () => {
  it('is what desired says and reported does not', () => {
    const desired = { level: 'debug', limits: { steps: 10, cost: 2 }, tools: ['a', 'b'] }
    const reported = { level: 'info', limits: { steps: 10, memory: 1 }, tools: ['a'], version: '1.2' }
    expect(deltaOf(desired, reported)).toEqual({ level: 'debug', limits: { cost: 2 }, tools: ['a', 'b'] })
  })

  it('merged into what is reported leaves none', () => {
    fc.assert(
      fc.property(properties, properties, (desired, reported) => {
        expect(deltaOf(desired, mergePatch(reported, deltaOf(desired, reported)))).toEqual({})
      }),
    )
  })

  it('is empty if and only if merging desired into reported changes nothing', () => {
    fc.assert(
      fc.property(properties, properties, (desired, reported) => {
        const merged = mergePatch(reported, desired)
        // An empty object asks for nothing but to be there, which a merge says with another value than before.
        const isUnchanged = isInSync(merged, reported) && isInSync(reported, merged)
        expect(isInSync(desired, reported)).toBe(isUnchanged)
      }),
    )
  })
})

describe('a patch that was made for an earlier state', () => {
  it('overlaps what somebody else changed there since, and nothing else', () => {
    const before = { level: 'info', limits: { steps: 10, cost: 1 } }
    const others: [Properties, boolean][] = [
      [{ level: 'info', limits: { steps: 20, cost: 1 } }, false],
      [{ level: 'info', limits: { steps: 10, cost: 1 }, more: true }, false],
      [{ level: 'warn', limits: { steps: 10, cost: 1 } }, true],
      [{ limits: { steps: 10, cost: 1 } }, true],
      [{ level: 'info', limits: { steps: 10, cost: 2 } }, true],
      [{ level: 'info', limits: 'none' }, true],
      [{ level: 'info', limits: { steps: 10, cost: 1 }, fresh: 2 }, true],
    ]
    for (const [now, expected] of others)
      expect(isOverlapping({ level: 'debug', limits: { cost: 3 }, fresh: 1 }, before, now)).toBe(expected)
  })

  it('that does not overlap, nor is overlapped, comes to the same whoever is first', () => {
    fc.assert(
      fc.property(properties, patch, patch, (before, theirs, ours) => {
        const [afterTheirs, afterOurs] = [mergePatch(before, theirs), mergePatch(before, ours)]
        fc.pre(!isOverlapping(ours, before, afterTheirs) && !isOverlapping(theirs, before, afterOurs))
        expect(isEqual(mergePatch(afterTheirs, ours), mergePatch(afterOurs, theirs))).toBe(true)
      }),
    )
  })
})

describe('properties', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })
  it.each([
    ['a list', [], 'must be a JSON object'],
    ['nothing', null, 'must be a JSON object'],
    ['a name of Firestore', { __x__: 1 }, 'must have names'],
    ['the name of a prototype', JSON.parse('{"__proto__":1}'), 'must have names'],
    ['an empty name', { '': 1 }, 'must have names'],
    ['too deep', nested(propertiesDepthMax + 1), `nested at most ${propertiesDepthMax} deep`],
    ['too deep by far', JSON.parse(`{"a":${'['.repeat(5000)}${']'.repeat(5000)}}`), 'nested at most'],
    ['too long', { a: 'x'.repeat(propertiesLengthMax) }, `at most ${propertiesLengthMax} characters`],
    ['no JSON', { a: undefined }, 'must hold strings'],
  ])('that are %s are refused', (_what, value, rule) => {
    expect(propertiesFault(value)).toContain(rule)
    expect(Properties.safeParse(value).error?.issues[0]?.message).toContain(rule)
  })

  it('at their limits are accepted', () => {
    expect(propertiesFault(nested(propertiesDepthMax))).toBeUndefined()
    expect(propertiesFault({ a: 'x'.repeat(propertiesLengthMax - 8) })).toBeUndefined()
  })
})
