import { describe, expect, test } from 'vitest'
import { createDirectives } from './directives.ts'

const feed = (chunks: readonly string[]) => {
  const told: string[] = []
  const directives = createDirectives({
    onReport: ({ type, data }) => told.push(`${type} ${JSON.stringify(data)}`),
    onProblem: (problem) => told.push(`problem ${problem}`),
    onText: (text) => told.push(text),
  })
  for (const chunk of chunks) directives.write(chunk)
  const beforeEnd = [...told]
  directives.end()
  return { beforeEnd, told }
}

const thought = 'agent.step-taken.v1 {"step":"thought"}'

describe('lines by which a worker reports', () => {
  test('are found wherever the output is cut', () => {
    const output = 'a\n::step {"step":"thought"}\nb\n'
    for (let cut = 0; cut <= output.length; cut++) {
      const { told } = feed([output.slice(0, cut), output.slice(cut)])
      expect(told.filter((one) => one.startsWith('agent.'))).toEqual([thought])
      expect(told.filter((one) => !one.startsWith('agent.')).join('')).toBe('a\nb\n')
    }
  })

  test('count only at the start of a line', () => {
    expect(feed(['x', '::step {"step":"thought"}\n']).told.join('')).toBe('x::step {"step":"thought"}\n')
  })

  test('may be the last, without an end', () => {
    expect(feed(['::step {"step":"thought"}']).told).toEqual([thought])
  })

  test('may end as on Windows', () => {
    expect(feed(['::step {"step":"thought"}\r\n']).told).toEqual([thought])
  })

  test('do not hold back other text: a prompt shows before its line ends', () => {
    expect(feed(['Name? ']).beforeEnd).toEqual(['Name? '])
    expect(feed(['::st', 'op ']).beforeEnd).toEqual(['::stop '])
  })

  test('are text again when they are longer than a line may be', () => {
    const long = `::step {"tool":"${'x'.repeat(70_000)}`
    expect(feed([long, '"}\n']).told.join('')).toBe(`${long}"}\n`)
  })

  test.each([
    ['::step {"step":"flew"}', 'problem ::step step must be one of thought, acted, observed'],
    ['::properties {"properties":[]}', 'problem ::properties properties must be a JSON object'],
    ['::status waiting', 'problem ::status must be followed by JSON on the same line'],
    ['::status {"status":"new"}', 'problem ::status status must be one of running, waiting, draining'],
  ])('%s is refused', (line, problem) => {
    expect(feed([`${line}\n`]).told).toEqual([problem])
  })
})
