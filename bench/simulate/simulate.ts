import { cellVoicesMax, detectionSecondsMax, sweepPeriodSeconds } from '@infinity-matrix/core/fleet'
import { createControlPlane } from './control-plane.ts'
import { createFleet, eventfulSeconds, startSeconds, type FleetOptions } from './fleet.ts'

export interface SimulationOptions extends FleetOptions {
  /** Of `fleet-onHeartbeat`. */
  instances: number
  onSecond?: (second: number, seconds: number) => void
}

export const defaults: Omit<SimulationOptions, 'agents'> = {
  seed: 1,
  instances: 24,
  intervalSeconds: 30,
  jitter: 0.1,
  lateShare: 0.01,
  // What is left of the lateness bound of 5 s after the window and its commit.
  lateSecondsMax: 3.5,
  dieShare: 0.002,
  leaveShare: 0.001,
  lateJoinerShare: 0.05,
}

// Once a minute another sweeper takes over.
const minuteSeconds = 60
const handOverSeconds = 2

/** Runs the fleet second by second through the control plane's decisions, and compares what is told with what is true. */
export const simulate = (options: SimulationOptions) => {
  const { intervalSeconds } = options
  const boundSeconds = intervalSeconds + detectionSecondsMax
  const [eventfulFrom, eventfulTo] = eventfulSeconds
  const seconds = eventfulTo + boundSeconds + sweepPeriodSeconds
  const startedAt = performance.now()
  const fleet = createFleet(options, seconds)
  const detections = new Map<string, number>()
  let [falseSilences, toldAgain, heardAgain, heartbeats] = [0, 0, 0, 0]

  const plane = createControlPlane({
    instances: options.instances,
    draw: fleet.draw,
    onNews: ({ agentId, status }, now) => {
      const lastSent = fleet.lastSentByDead(agentId)
      if (status === 'heard') heardAgain++
      // Of an agent that dies later, a silence before its last heartbeat and bound is false too.
      else if (lastSent === undefined || now - lastSent < intervalSeconds) falseSilences++
      else if (detections.has(agentId)) toldAgain++
      else detections.set(agentId, now - lastSent)
    },
  })

  let sizesBefore = new Map<string, number>()
  for (let second = 0; second < seconds; second++) {
    if (second === eventfulFrom) sizesBefore = plane.cellSizes()
    // Published as it arrives, and stored when the window ends.
    fleet.arriveIn(second, (heartbeat) => {
      heartbeats++
      plane.hear(heartbeat, (startSeconds + second + 1) * 1000)
    })
    const now = second + 1
    plane.commitPulses(now)
    const isHandedOver = now >= minuteSeconds && now % minuteSeconds < handOverSeconds
    if (now % sweepPeriodSeconds === 0 && !isHandedOver) plane.sweep(now, startSeconds + now, sweepPeriodSeconds)
    options.onSecond?.(now, seconds)
  }

  const wallSeconds = (performance.now() - startedAt) / 1000
  const figures = plane.figures()
  const sizes = plane.cellSizes()
  const agentsPerCellMax = Math.max(0, ...sizes.values())
  const moved = [...sizesBefore].reduce((sum, [prefix, size]) => (sizes.has(prefix) ? sum : sum + size), 0)
  const known = [...sizesBefore.values()].reduce((sum, size) => sum + size, 0)
  const times = Float64Array.from(detections.values()).toSorted()
  const quantile = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0
  const hottest = [
    ...Object.entries(figures.ranges).map(([range, { worstShare }]) => ({ range, shareOfRamp: worstShare })),
    { range: 'index of one shard of pulses', shareOfRamp: figures.pulseIndexShare },
  ].reduce((a, b) => (b.shareOfRamp > a.shareOfRamp ? b : a))

  const bars = {
    'detected within interval + 10 s': quantile(1) <= boundSeconds,
    'no silence missed': detections.size === fleet.died,
    'no false silence': falseSilences === 0 && heardAgain === 0,
    'each silence told once': toldAgain === 0,
    'at most 2,000 agents in a cell': agentsPerCellMax <= cellVoicesMax,
    'writes within the ramp of 500/50/5': hottest.shareOfRamp <= 1,
    'digests far below 1 MiB': figures.digestBytesMax < 8192,
  }
  const perSecond = (total: number) => round(total / seconds)
  return {
    agents: options.agents,
    seed: options.seed,
    simulatedSeconds: seconds,
    heartbeats,
    heartbeatsPerSecond: Math.round(heartbeats / seconds),
    processedPerSecond: Math.round(heartbeats / wallSeconds),
    wallSeconds: round(wallSeconds),
    // Of this process, whatever else the machine does.
    cpuSeconds: round((process.cpuUsage().user + process.cpuUsage().system) / 1e6),
    memoryPeakMiB: Math.round(process.resourceUsage().maxRSS / 1024),
    detectionSeconds: {
      p50: round(quantile(0.5)),
      p99: round(quantile(0.99)),
      max: round(quantile(1)),
      bar: boundSeconds,
    },
    died: fleet.died,
    left: fleet.left,
    missed: fleet.died - detections.size,
    falseSilences,
    heardAgain,
    toldAgain,
    cells: sizes.size,
    agentsPerCell: {
      max: agentsPerCellMax,
      mean: round(options.agents / sizes.size),
      min: Math.min(...sizes.values()),
    },
    movedByDivision: { agents: moved, share: round(moved / Math.max(1, known)) },
    digestBytes: { mean: Math.round(figures.digestBytesMean), max: figures.digestBytesMax },
    rosterBytesMax: figures.rosterBytesMax,
    pulseBytesPerHeartbeat: round(figures.pulseBytes / heartbeats),
    writes: Object.fromEntries(
      Object.entries(figures.ranges).map(([name, { total, peakPerSecond }]) => [
        name,
        { perSecond: perSecond(total), peakPerSecond: round(peakPerSecond) },
      ]),
    ),
    pulseDeletesPerSecond: perSecond(figures.pulseDeletes),
    hottest: { range: hottest.range, shareOfRamp: round(hottest.shareOfRamp) },
    bars,
    isWithinBars: Object.values(bars).every(Boolean),
  }
}

const round = (value: number) => Number(value.toFixed(value >= 100 ? 0 : 2))
