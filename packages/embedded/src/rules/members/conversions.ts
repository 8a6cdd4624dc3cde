import { conversion, type Failure } from '../values/failure.ts'
import { Path, type RulesValue } from '../values/value.ts'

const int64Min = -(2n ** 63n)
const int64Max = 2n ** 63n - 1n

/** Towards zero, within 64 bits; NaN is 0. */
export const truncate = (value: number): bigint => {
  if (Number.isNaN(value)) return 0n
  if (value >= 2 ** 63) return int64Max
  return value <= -(2 ** 63) ? int64Min : BigInt(Math.trunc(value))
}

/** A whole decimal number of 64 bits, with nothing around it. */
export const intOf = (text: string): bigint | Failure => {
  if (!/^[+-]?\d{1,40}$/.test(text)) return conversion(text, 'int')
  const value = BigInt(text.replace(/^\+/, ''))
  return value < int64Min || value > int64Max ? conversion(text, 'int') : value
}

const floatText = /^[+-]?(?:NaN|Infinity|(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[fFdD]?$/

export const floatOf = (text: string): number | Failure => {
  const trimmed = text.trim()
  return floatText.test(trimmed) ? Number.parseFloat(trimmed) : conversion(text, 'float')
}

/** As Java writes a double: 2.0, 1.0E10, NaN. */
const floatToString = (value: number): string => {
  if (!Number.isFinite(value)) return String(value)
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0'
  const size = Math.abs(value)
  if (size >= 1e-3 && size < 1e7) return Number.isInteger(value) ? `${value}.0` : String(value)
  const [digits = '', exponent = '0'] = value.toExponential().split('e')
  return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(exponent)}`
}

/** null for what has no text. */
export const stringOf = (value: RulesValue): string | null => {
  switch (typeof value) {
    case 'string':
      return value
    case 'bigint':
    case 'boolean':
      return String(value)
    case 'number':
      return floatToString(value)
    default:
      if (value === null) return 'null'
      return value instanceof Path ? value.toString() : null
  }
}
