import { Duration, Timestamp } from '../values/value.ts'
import { Failure, type Outcome } from '../values/failure.ts'
import { functions, overload } from './signature.ts'

const second = 1_000_000_000n
const day = 86_400n * second

const floor = (value: bigint, unit: bigint): bigint => {
  const quotient = value / unit
  return value % unit < 0n ? quotient - 1n : quotient
}
const rest = (value: bigint, unit: bigint): bigint => value - floor(value, unit) * unit

/** A timestamp's calendar, in UTC. Years 1 to 9999 and beyond fit a Date. */
const date = ({ nanos }: Timestamp): Date => new Date(Number(floor(nanos, 1_000_000n)))

const dayOfYear = (time: Timestamp): bigint => {
  const start = Timestamp.fromMillis(Date.UTC(date(time).getUTCFullYear(), 0, 1))
  return floor(time.nanos - start.nanos, day) + 1n
}

export const timestampMethods = functions({
  date: overload([], ({ nanos }: Timestamp) => new Timestamp(floor(nanos, day) * day)),
  time: overload([], ({ nanos }: Timestamp) => new Duration(rest(nanos, day))),
  year: overload([], (time: Timestamp) => BigInt(date(time).getUTCFullYear())),
  month: overload([], (time: Timestamp) => BigInt(date(time).getUTCMonth() + 1)),
  day: overload([], (time: Timestamp) => BigInt(date(time).getUTCDate())),
  hours: overload([], (time: Timestamp) => BigInt(date(time).getUTCHours())),
  minutes: overload([], (time: Timestamp) => BigInt(date(time).getUTCMinutes())),
  seconds: overload([], (time: Timestamp) => BigInt(date(time).getUTCSeconds())),
  nanos: overload([], ({ nanos }: Timestamp) => rest(nanos, second)),
  // Monday is 1, Sunday 7.
  dayOfWeek: overload([], (time: Timestamp) => BigInt(date(time).getUTCDay() || 7)),
  dayOfYear: overload([], dayOfYear),
  toMillis: overload([], ({ nanos }: Timestamp) => floor(nanos, 1_000_000n)),
})

export const durationMethods = functions({
  seconds: overload([], ({ nanos }: Duration) => nanos / second),
  nanos: overload([], ({ nanos }: Duration) => nanos % second),
})

const units: Readonly<Record<string, bigint>> = {
  w: 7n * day,
  d: day,
  h: 3600n * second,
  m: 60n * second,
  s: second,
  ms: 1_000_000n,
  ns: 1n,
}

const durationValue = (magnitude: bigint, unit: string): Outcome => {
  const size = Object.hasOwn(units, unit) ? units[unit] : undefined
  return size === undefined ? new Failure(`Invalid duration unit: [${unit}].`) : new Duration(magnitude * size)
}

export const durationFunctions = functions({
  value: overload(['int', 'string'], durationValue),
  time: overload(
    ['int', 'int', 'int', 'int'],
    (hours: bigint, minutes: bigint, seconds: bigint, nanos: bigint) =>
      new Duration((hours * 3600n + minutes * 60n + seconds) * second + nanos),
  ),
  abs: overload(['duration'], ({ nanos }: Duration) => new Duration(nanos < 0n ? -nanos : nanos)),
})

const timestampDate = (year: bigint, month: bigint, dayOfMonth: bigint): Outcome => {
  const time = new Date(0)
  time.setUTCFullYear(Number(year), Number(month) - 1, Number(dayOfMonth))
  const kept = BigInt(time.getUTCMonth() + 1) === month && BigInt(time.getUTCDate()) === dayOfMonth
  if (!kept || BigInt(time.getUTCFullYear()) !== year) {
    return new Failure(`Invalid date: year [${year}], month [${month}], day [${dayOfMonth}].`)
  }
  return Timestamp.fromMillis(time.getTime())
}

export const timestampFunctions = functions({
  date: overload(['int', 'int', 'int'], timestampDate),
  value: overload(['int'], (millis: bigint) => new Timestamp(millis * 1_000_000n)),
})
