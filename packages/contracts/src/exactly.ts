import type { z } from 'zod'

type Guard = (input: unknown) => boolean

const never: Guard = () => false

/**
 * A guard made from a schema, at a tenth of the cost of parsing. It says yes only to what the schema would give back as
 * it is: nothing missing, unknown or to be changed. Its no means nothing: the schema decides, and names the fault. A
 * schema with a feature that is not known here is never said yes to, so the two cannot disagree.
 */
export const exactly = <Schema extends z.ZodType>(schema: Schema) => {
  let guard: Guard | undefined
  return (input: unknown): input is z.infer<Schema> => (guard ??= guardOf(schema))(input)
}

const guardOf = (schema: z.core.$ZodType): Guard => {
  const { def } = (schema as z.core.$ZodTypes)._zod
  const checks = (def.checks ?? []).map((check) => checkOf((check as z.core.$ZodChecks)._zod))
  const guards = [typeGuardOf(def), ...checks]
  const [only, second] = guards
  if (guards.includes(never) || !only) return never
  if (!second) return only
  return guards.length === 2
    ? (input) => only(input) && second(input)
    : (input) => guards.every((guard) => guard(input))
}

const typeGuardOf = (def: z.core.$ZodTypes['_zod']['def']): Guard => {
  switch (def.type) {
    case 'string':
      return stringGuard(def)
    case 'number':
      return numberGuard(def)
    case 'boolean':
      return (input) => typeof input === 'boolean'
    case 'unknown':
      return () => true
    case 'custom':
      return (input) => def.fn(input) === true
    case 'default':
      // What stands there is kept; undefined is for the schema to fill.
      return guardOf(def.innerType)
    case 'literal':
      return (input) => def.values.includes(input as never)
    case 'enum': {
      const names = new Set<unknown>(Object.values(def.entries))
      return (input) => names.has(input)
    }
    case 'nullable': {
      const inner = guardOf(def.innerType)
      return inner === never ? never : (input) => input === null || inner(input)
    }
    case 'array': {
      const element = guardOf(def.element)
      return element === never ? never : (input) => Array.isArray(input) && input.every(element)
    }
    case 'union': {
      const options = def.options.map(guardOf)
      return options.includes(never) ? never : (input) => options.some((option) => option(input))
    }
    case 'record':
      return recordGuard(def)
    case 'object':
      return objectGuard(def)
    default:
      return never
  }
}

const stringGuard = (def: z.core.$ZodStringDef & { pattern?: RegExp; format?: string }): Guard => {
  if (def.coerce) return never
  if (def.format === undefined) return (input) => typeof input === 'string'
  const pattern = def.format === 'uuid' || def.format === 'datetime' ? def.pattern : undefined
  return pattern ? (input) => typeof input === 'string' && pattern.test(input) : never
}

const numberGuard = (def: z.core.$ZodNumberDef & { format?: string }): Guard => {
  if (def.coerce) return never
  if (def.format === undefined) return Number.isFinite
  return def.format === 'safeint' ? Number.isSafeInteger : never
}

const checkOf = (internals: z.core.$ZodChecks['_zod'] | z.core.$ZodCustom['_zod']): Guard => {
  const { def } = internals
  switch (def.check) {
    case 'string_format': {
      const { pattern } = def
      // A pattern that remembers where it stopped would answer differently each time.
      return def.format === 'regex' && pattern && !pattern.global && !pattern.sticky
        ? (input) => pattern.test(input as string)
        : never
    }
    case 'min_length':
      return (input) => (input as string).length >= def.minimum
    case 'max_length':
      return (input) => (input as string).length <= def.maximum
    case 'greater_than':
      return def.inclusive ? (input) => (input as number) >= Number(def.value) : never
    case 'less_than':
      return def.inclusive ? (input) => (input as number) <= Number(def.value) : never
    case 'custom':
      return customCheck(def, (payload) => internals.check(payload as never))
    default:
      return never
  }
}

// `refine` has a function that answers; what was added by `superRefine` tells its faults to a list.
const customCheck = (
  { fn }: Partial<z.core.$ZodCustomDef>,
  check: (payload: z.core.ParsePayload) => unknown,
): Guard => {
  if (fn) return (input) => fn(input) === true
  return (input) => {
    const payload: z.core.ParsePayload = { value: input, issues: [] }
    return check(payload) === undefined && payload.issues.length === 0 && payload.value === input
  }
}

const isPlain = (input: unknown): input is Readonly<Record<string, unknown>> =>
  typeof input === 'object' && input !== null && !Array.isArray(input)

const recordGuard = (def: z.core.$ZodRecordDef): Guard => {
  const [key, value] = [guardOf(def.keyType), guardOf(def.valueType)]
  if (def.keyType._zod.def.type !== 'string' || key === never || value === never) return never
  return (input) => {
    if (!isPlain(input)) return false
    // Zod leaves `__proto__` out.
    for (const name in input) if (name === '__proto__' || !key(name) || !value(input[name])) return false
    return true
  }
}

const objectGuard = (def: z.core.$ZodObjectDef): Guard => {
  if (def.catchall) return never
  const fields = Object.entries(def.shape).map(([name, schema]) => {
    const { def: fieldDef } = (schema as z.core.$ZodTypes)._zod
    const isOptional = fieldDef.type === 'optional' && !fieldDef.checks?.length
    return {
      name,
      isOptional,
      guard: guardOf(fieldDef.type === 'optional' && isOptional ? fieldDef.innerType : schema),
    }
  })
  if (fields.some(({ name, guard }) => guard === never || name in Object.prototype)) return never
  return (input) => {
    if (!isPlain(input)) return false
    let unknown = 0
    for (const _name in input) unknown++
    for (const { name, isOptional, guard } of fields) {
      const value = input[name]
      if (value === undefined) {
        if (!isOptional) return false
      } else {
        if (!guard(value)) return false
        unknown--
      }
    }
    return unknown === 0
  }
}
