import type { Usage } from '@infinity-matrix/contracts'

/** The counts that steps write their digits into. */
export const digitFields = ['tokensIn', 'tokensOut', 'observationBytes'] as const
/** A count is exact up to 2^53: this many digits of base 4 fit. */
export const digitsPerField = 26

const allFields = [...digitFields, 'costUsd'] as const

export interface Digit {
  field: (typeof allFields)[number]
  /** A power of 4. */
  value: number
}

/** The digit that a report alone adds to; undefined when it adds to none. */
export const digitOf = ({ data }: { data: object }): Digit | undefined => {
  const numbers = data as Partial<Record<Digit['field'], number>>
  const field = allFields.find((name) => (numbers[name] ?? 0) > 0)
  return field && { field, value: numbers[field] ?? 0 }
}

/** How often a report stands in an agent's totals: 0 to 3. */
export const timesIn = (usage: Usage, { field, value }: Digit): number => Math.floor(usage[field] / value) % 4
