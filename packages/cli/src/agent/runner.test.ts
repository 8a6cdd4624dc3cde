import { parseEvent, type AgentEvent } from '@infinity-matrix/contracts'
import { newAgent } from '@infinity-matrix/core/reported-state'
import { describe, expect, test, vi } from 'vitest'
import type { WireEvent } from '../events.ts'
import { createReporter, type Past } from './reporter.ts'
import { startRun, type Run, type RunOptions } from './runner.ts'

const sender = { agentId: 'worker-1', tenant: 'demo', region: 'local', tier: 'standard' } as const

const silentPast: Past = { highestSequence: 0, state: newAgent, properties: {}, seenDesiredVersion: 0, hasGap: false }

/** An agent whose events are kept, each as the control plane would read it. */
const testAgent = () => {
  const events: AgentEvent[] = []
  const publish = (event: WireEvent) => {
    const parsed = parseEvent(JSON.parse(JSON.stringify(event)), Date.now())
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problem))
    events.push(parsed.value)
    return Promise.resolve()
  }
  const reports = () => events.flatMap((event) => ('sequence' in event ? [event] : []))
  const heartbeats = () => events.flatMap((event) => (event.type === 'agent.heartbeat.v1' ? [event.data] : []))
  return { reporter: createReporter(sender, { publish }), reports, heartbeats }
}

const run = (script: string, options: Partial<RunOptions> = {}): RunOptions => ({
  command: process.execPath,
  args: ['-e', script],
  started: { kind: 'node' },
  heartbeatSeconds: 5,
  graceSeconds: 30,
  ...options,
})

const isAlive = (pid: number) => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const waitForOutput = (heard: { text: string }, expected: string) =>
  vi.waitFor(() => expect(heard.text).toContain(expected), { timeout: 20_000, interval: 10 })

const listening = () => {
  const heard = { text: '' }
  const add = (text: string) => {
    heard.text += text
  }
  return { heard, output: { stdout: add, stderr: add } }
}

describe('a run of a real process', () => {
  test('that ends with 0 is a success, told in order from 1 without holes', async () => {
    const agent = testAgent()
    const step = '::step {"step":"acted","tool":"sieve","durationMs":2}'
    const { ended } = await startRun(agent.reporter, run(`console.log('hello'); console.log('${step}')`))
    expect(await ended).toEqual({ outcome: 'success', exitCode: 0 })
    expect(agent.reports().map(({ sequence, type }) => [sequence, type])).toEqual([
      [1, 'agent.started.v1'],
      [2, 'agent.step-taken.v1'],
      [3, 'agent.finished.v2'],
    ])
    expect(agent.reports()[1]?.data).toEqual({ step: 'acted', tool: 'sieve', durationMs: 2 })
  })

  test('that fails leaves its exit code and the end of its output, both streams', async () => {
    const agent = testAgent()
    const script = `console.log('x'.repeat(9000)); console.error('no space left'); process.exitCode = 3`
    const { ended } = await startRun(agent.reporter, run(script))
    expect(await ended).toEqual({ outcome: 'failure', exitCode: 3 })
    const finish = agent.reports().at(-1)?.data
    expect(finish).toMatchObject({ outcome: 'failure', exitCode: 3 })
    const logTail = finish && 'logTail' in finish ? finish.logTail : undefined
    expect(logTail).toHaveLength(8192)
    expect(logTail).toContain('no space left')
  })

  test('that a signal ends is a failure with the signal', async () => {
    const agent = testAgent()
    const { ended } = await startRun(agent.reporter, run(`process.kill(process.pid, 'SIGKILL')`))
    expect(await ended).toEqual({ outcome: 'failure', exitCode: 137 })
    expect(agent.reports().at(-1)?.data).toMatchObject({ signal: 'SIGKILL' })
  })

  test('goes on from the last sequence of the run before', async () => {
    const agent = testAgent()
    for (let i = 0; i < 2; i++) await (await startRun(agent.reporter, run(''))).ended
    expect(agent.reports().map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4])
  })

  test('sends heartbeats with what it uses, and says when it leaves', async () => {
    const agent = testAgent()
    const live = await startRun(agent.reporter, run('setInterval(() => {}, 1000)'))
    await vi.waitFor(() => expect(agent.heartbeats()).toHaveLength(1), { timeout: 20_000 })
    live.drain('enough')
    await live.ended
    expect(agent.heartbeats()[0]).toMatchObject({ silenceBoundSeconds: 15, memoryBytes: expect.any(Number) })
    expect(agent.heartbeats().at(-1)).toEqual({ silenceBoundSeconds: 15, leaving: true })
  })

  test('that cannot start reports nothing', async () => {
    const agent = testAgent()
    const start = startRun(agent.reporter, run('', { command: 'no-such-command-here' }))
    await expect(start).rejects.toThrow('no-such-command-here: command not found')
    expect(agent.reports()).toEqual([])
  })

  test('shows its output but for the lines by which it reports, and says which of those are wrong', async () => {
    const agent = testAgent()
    const { heard, output } = listening()
    const problems: string[] = []
    const script = `process.stdout.write('a\\n::status {"status":"waiting"}\\n::step {"step":"flew"}\\n::step x\\nb')`
    const options = { output, onProblem: (problem: string) => void problems.push(problem) }
    await (
      await startRun(agent.reporter, run(script, options))
    ).ended
    expect(heard.text).toBe('a\nb')
    expect(agent.reports()[1]).toMatchObject({ type: 'agent.status-changed.v1', data: { status: 'waiting' } })
    expect(problems).toEqual([
      '::step step must be one of thought, acted, observed',
      '::step must be followed by JSON on the same line',
    ])
  })
})

describe('draining', () => {
  const startReady = async (script: string, graceSeconds: number) => {
    const agent = testAgent()
    const { heard, output } = listening()
    const live: Run = await startRun(agent.reporter, run(`${script}; console.log('ready')`, { output, graceSeconds }))
    await waitForOutput(heard, 'ready')
    return { agent, heard, live }
  }

  test('lets the process end by itself, and the run is cancelled', async () => {
    const script = `setInterval(() => {}, 1000); process.on('SIGTERM', () => { console.log('bye'); process.exit(7) })`
    const { agent, heard, live } = await startReady(script, 60)
    live.drain('asked to stop')
    expect(await live.ended).toEqual({ outcome: 'cancelled', exitCode: 7 })
    expect(heard.text).toContain('bye')
    expect(agent.reports().map(({ type }) => type)).toEqual([
      'agent.started.v1',
      'agent.status-changed.v1',
      'agent.finished.v2',
    ])
    expect(agent.reports()[1]?.data).toEqual({ status: 'draining', reason: 'asked to stop' })
  })

  test('kills a process that does not end within the grace period', async () => {
    const { agent, live } = await startReady(`setInterval(() => {}, 1000); process.on('SIGTERM', () => {})`, 0.2)
    live.drain('asked to stop')
    expect(await live.ended).toEqual({ outcome: 'cancelled', exitCode: 137 })
    expect(agent.reports().at(-1)?.data).toEqual({ outcome: 'cancelled', signal: 'SIGKILL' })
  })

  test('leaves nothing behind of what the process started', async () => {
    const stubborn = `process.on('SIGTERM', () => {}); setInterval(() => {}, 1000); console.log('up')`
    const script = `
      const child = require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(stubborn)}])
      child.stdout.once('data', () => console.log('pid=' + child.pid + '.'))
      setInterval(() => {}, 1000)`
    const { heard, live } = await startReady(script, 60)
    await waitForOutput(heard, '.')
    const grandchild = Number(/pid=(\d+)/.exec(heard.text)?.[1])
    expect(isAlive(grandchild)).toBe(true)
    live.drain('asked to stop')
    await live.ended
    await vi.waitFor(() => expect(isAlive(grandchild)).toBe(false), { timeout: 20_000 })
    expect(isAlive(live.pid)).toBe(false)
  })
})

describe('a reporter', () => {
  test('answers with a snapshot of all it said', async () => {
    const agent = testAgent()
    agent.reporter.report({ type: 'agent.started.v1', data: { kind: 'node', task: 'count' } })
    agent.reporter.report({ type: 'agent.step-taken.v1', data: { step: 'acted', tool: 'sieve', costUsd: 0.5 } })
    agent.reporter.report({ type: 'agent.step-taken.v1', data: { step: 'acted', tool: 'sieve', tokensIn: 3 } })
    agent.reporter.report({ type: 'agent.status-changed.v1', data: { status: 'waiting', reason: 'for input' } })
    agent.reporter.snapshot()
    expect(agent.reports().at(-1)).toMatchObject({
      type: 'agent.snapshot.v1',
      sequence: 5,
      data: {
        state: {
          status: 'waiting',
          reason: 'for input',
          run: { number: 1, kind: 'node', task: 'count' },
          usage: { steps: 2, costUsd: 0.5, tokensIn: 3, toolCalls: { sieve: 2 } },
        },
      },
    })
    agent.reporter.report({ type: 'agent.finished.v2', data: { outcome: 'success', costUsd: 1 } })
    expect(agent.reporter.status()).toBe('succeeded')
    agent.reporter.snapshot()
    expect(agent.reports().at(-1)?.data).toMatchObject({ state: { status: 'succeeded', usage: { costUsd: 1.5 } } })
  })

  test('keeps its properties: a snapshot has what reports merged into those of before', () => {
    const events: WireEvent[] = []
    const publish = (event: WireEvent) => Promise.resolve(void events.push(event))
    const past = { ...silentPast, properties: { level: 'info', cache: true }, seenDesiredVersion: 1 }
    const reporter = createReporter(sender, { publish }, past)
    const data = { properties: { level: 'debug', cache: null }, desiredVersion: 2 }
    reporter.report({ type: 'agent.properties-reported.v1', data })
    reporter.snapshot()
    expect(events.at(-1)?.data).toMatchObject({ properties: { level: 'debug' }, desiredVersion: 2 })
    expect(events.at(-1)?.data).not.toHaveProperty('properties.cache')
  })

  test('begins with a snapshot when what it said before has a hole', () => {
    const events: WireEvent[] = []
    const publish = (event: WireEvent) => Promise.resolve(void events.push(event))
    const usage = { steps: 4, costUsd: 0, tokensIn: 0, tokensOut: 0, observationBytes: 0, toolCalls: {} }
    const state = { status: 'new', usage } as const
    createReporter(sender, { publish }, { ...silentPast, highestSequence: 9, state, hasGap: true })
    expect(events).toMatchObject([
      { sequence: 10, type: 'agent.snapshot.v1', data: { state: { usage: { steps: 4 } } } },
    ])
  })

  test('says when something could not be published', async () => {
    const reporter = createReporter(sender, { publish: () => Promise.reject(new Error('unavailable')) })
    reporter.report({ type: 'agent.started.v1', data: { kind: 'node' } })
    await expect(reporter.settled()).rejects.toThrow('worker-1: could not publish')
  })
})
