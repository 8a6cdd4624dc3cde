import { isMap, type PlainFields } from './firestore-values.ts'

const isSame = (a: unknown, b: unknown): boolean =>
  a === b || (Array.isArray(a) && Array.isArray(b) && a.length === 0 && b.length === 0)

// A name that is no identifier is quoted in a path.
const segmentOf = (name: string) => (/^[A-Za-z_]\w*$/.test(name) ? name : `\`${name.replaceAll(/[\\`]/g, '\\$&')}\``)

/**
 * What an update has to write to make one document of another: the values that differ, in maps within maps, and their
 * paths, of which those without a value are taken away. Parts that are the same object are not looked into.
 */
export const differenceOf = (before: PlainFields, after: PlainFields) => {
  const fieldPaths: string[] = []
  const compare = (from: PlainFields, to: PlainFields, prefix: string): Record<string, unknown> => {
    const fields: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(to)) {
      const known = from[name]
      if (isSame(known, value)) continue
      const path = prefix + segmentOf(name)
      if (isMap(known) && isMap(value)) {
        const inner = compare(known, value, `${path}.`)
        if (Object.keys(inner).length > 0) fields[name] = inner
      } else {
        fieldPaths.push(path)
        fields[name] = value
      }
    }
    for (const name of Object.keys(from)) if (to[name] === undefined) fieldPaths.push(prefix + segmentOf(name))
    return fields
  }
  const fields = compare(before, after, '')
  return { fields, fieldPaths }
}
