import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { describe, expect, test } from 'vitest'
import { numberFrom } from './command.ts'

/** Runs an entry file as npm would. Its hub is one where nothing listens, so it finds no suite. */
const run = async (entry: string, ...args: string[]) => {
  const env = { PATH: process.env['PATH'], FIREBASE_EMULATOR_HUB: '127.0.0.1:1' }
  const ran = promisify(execFile)(process.execPath, [join(import.meta.dirname, entry), ...args], { env })
  return ran.then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (error: { code: number; stdout: string; stderr: string }) => error,
  )
}

describe('numbers', () => {
  test.each(['', ' ', 'x', '0', '11', 'NaN', '1e3'])('%j is refused', (text) => {
    expect(() => numberFrom(1, 10)(text)).toThrow('must be a number from 1 to 10')
  })

  test('within the bounds they are taken, and a whole one must be whole', () => {
    expect(numberFrom(1, 10)('2.5')).toBe(2.5)
    expect(() => numberFrom(1, 10, { whole: true })('2.5')).toThrow('must be a whole number from 1 to 10')
  })
})

describe('each command helps', () => {
  test.each(['start.ts', 'replay.ts', 'agent.ts', 'agents.ts', 'jobs.ts', 'dead-letters.ts'])(
    '%s --help',
    async (entry) => {
      const { code, stdout } = await run(entry, '--help')
      expect(code).toBe(0)
      expect(stdout).toContain('Usage:')
    },
  )
})

describe('each error names the argument', () => {
  test.each([
    [['start.ts', '--for', 'x'], "option '--for <seconds>' argument 'x' is invalid"],
    [['start.ts', '--what'], "unknown option '--what'"],
    [['replay.ts'], "missing required argument 'paths'"],
    [['replay.ts', 'no/such/file'], 'no/such/file: no such file or folder'],
    [['replay.ts', '--duplicate', '2', 'x'], "option '--duplicate <fraction>' argument '2' is invalid"],
    [['replay.ts', '--tier', 'gold', 'x'], "option '--tier <tier>' argument 'gold' is invalid"],
    [['agent.ts'], "missing required argument 'command'"],
    [['agent.ts', '--id', '-x', 'ls'], "option '--id <id>' argument '-x' is invalid"],
    [['agent.ts', '--tenant', 'A b', 'ls'], "option '--tenant <name>' argument 'A b' is invalid"],
    [['agents.ts', 'search', '--status', 'gone'], "option '--status <status>' argument 'gone' is invalid"],
    [['agents.ts', 'search', '--label', 'team'], "option '--label <name=value>' argument 'team' is invalid"],
    [['agents.ts', 'search', '--in-sync', 'maybe'], "option '--in-sync <yes|no>' argument 'maybe' is invalid"],
    [['agents.ts', 'desire', 'a', '[]'], "value '[]' is invalid for argument 'patch'. must be a JSON object"],
    [['agents.ts', 'show', 'a'], 'no emulator suite runs: start one with npm start'],
    [['jobs.ts', 'create', '{'], "value '{' is invalid for argument 'patch'. must be JSON"],
    [['jobs.ts', 'create', '{}', '--rate', '501'], "option '--rate <agents/s>' argument '501' is invalid"],
    [['jobs.ts', 'create', '{}', '--on-failure', 'x'], "option '--on-failure <what>' argument 'x' is invalid"],
    [['jobs.ts', 'run'], "missing required argument 'id'"],
    [['jobs.ts', 'list'], 'no emulator suite runs: start one with npm start'],
    [['agent.ts', 'ls'], 'no emulator suite runs: start one with npm start'],
  ])('%j', async ([entry = '', ...args], message) => {
    const { code, stderr } = await run(entry, ...args)
    expect(stderr).toContain(message)
    expect(code).toBe(1)
  })
})
