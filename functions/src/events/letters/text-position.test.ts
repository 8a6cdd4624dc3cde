import { expect, it } from 'vitest'
import { positionOf } from './text-position.ts'

const text = '{\n  "tier": "gold",\n  "data": { "labels": { "a.b": 1 }, "steps": [1, "two"] }\n}'
const at = (found: string) => {
  const offset = text.indexOf(found)
  const lines = text.slice(0, offset).split('\n')
  return { offset, line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
}

it.each([
  ['tier', '"gold"'],
  ['data.labels.a.b', '1 }'],
  ['data.steps.1', '"two"'],
  // What is missing is shown by what lacks it.
  ['data.labels.kind', '{ "a.b"'],
  ['sequence', '{\n  "tier"'],
])('a field stands where its value does: %s', (path, found) => {
  expect(positionOf(text, path)).toEqual(at(found))
})

it.each([
  ['{"a": 1,\n "b": }', { line: 2, column: 7 }],
  ['hello', { line: 1, column: 1 }],
  ['{"a": 1} // why', { line: 1, column: 10 }],
])('a text that is no JSON is wrong where it first is: %s', (noJson, position) => {
  expect(positionOf(noJson, '')).toMatchObject(position)
})

it('the whole of a text has no position', () => {
  expect(positionOf('{}', '')).toBeNull()
})
