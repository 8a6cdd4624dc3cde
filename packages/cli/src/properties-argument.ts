import { Properties } from '@infinity-matrix/contracts'
import { InvalidArgumentError } from 'commander'

/** A parser of an argument that is properties as JSON, or a merge patch on some. */
export const propertiesFrom = (text: string): Properties => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidArgumentError('must be JSON')
  }
  const parsed = Properties.safeParse(value)
  if (!parsed.success) throw new InvalidArgumentError(parsed.error.issues[0]?.message ?? 'is not valid')
  return parsed.data
}
