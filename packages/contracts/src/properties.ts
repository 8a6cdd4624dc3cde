import { z } from 'zod'

/** An agent's reported, and its desired, properties are at most this many characters of JSON each. */
export const propertiesLengthMax = 8192
/** ... and objects and lists in them are nested at most this deep. */
export const propertiesDepthMax = 6

type Json = string | number | boolean | null | Json[] | { [name: string]: Json }

const rules = {
  object: 'must be a JSON object',
  value: 'must hold strings, numbers, true, false, null, lists and objects only',
  depth: `must be nested at most ${propertiesDepthMax} deep`,
  key: 'must have names of 1 to 128 printable characters that do not start with __',
  length: `must be at most ${propertiesLengthMax} characters of JSON`,
}
const keyPattern = /^(?!__)[^\p{C}]{1,128}$/u

const isObject = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const faultIn = (value: unknown, depth: number): string | undefined => {
  if (depth > propertiesDepthMax) return rules.depth
  if (Array.isArray(value)) return firstFault(value, depth)
  if (!isObject(value)) {
    const isPlain = value === null || ['string', 'boolean'].includes(typeof value) || Number.isFinite(value)
    return isPlain ? undefined : rules.value
  }
  if (!Object.keys(value).every((key) => keyPattern.test(key))) return rules.key
  return firstFault(Object.values(value), depth)
}
const firstFault = (values: readonly unknown[], depth: number): string | undefined => {
  for (const value of values) {
    const fault = faultIn(value, isObject(value) || Array.isArray(value) ? depth + 1 : depth)
    if (fault !== undefined) return fault
  }
  return undefined
}

/** Why a value cannot be an agent's properties; undefined when it can. */
export const propertiesFault = (value: unknown): string | undefined => {
  if (!isObject(value)) return rules.object
  const fault = faultIn(value, 1)
  if (fault !== undefined) return fault
  return JSON.stringify(value).length > propertiesLengthMax ? rules.length : undefined
}

/**
 * Properties of an agent, or a change to them as a JSON Merge Patch (RFC 7386): an object is merged name by name, null takes
 * a name away, and everything else, lists too, replaces what was there.
 */
export const Properties = z.custom<{ [name: string]: Json }>().superRefine((value, context) => {
  const fault = propertiesFault(value)
  if (fault !== undefined) context.addIssue({ code: 'custom', message: fault })
})
export type Properties = z.infer<typeof Properties>
