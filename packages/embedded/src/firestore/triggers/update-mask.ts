import { formatFieldPath, type FieldPath } from '../field-path.ts'
import { identical } from '../values/order.ts'
import { MapValue, vectorElements, type Value } from '../values/value.ts'

const isPlainMap = (value: Value | undefined): value is MapValue =>
  value instanceof MapValue && vectorElements(value) === undefined

function* changed(before: MapValue, after: MapValue, at: FieldPath): Generator<string> {
  for (const name of new Set([...before.keys, ...after.keys])) {
    const [old, now] = [before.get(name), after.get(name)]
    const path = [...at, name]
    if (isPlainMap(old) && isPlainMap(now)) yield* changed(old, now, path)
    else if (old === undefined || now === undefined || !identical(old, now)) yield formatFieldPath(path)
  }
}

/** The paths of the fields that an update has set, changed or removed, as deep as both are maps. */
export const updateMask = (before: MapValue, after: MapValue): string[] => [...changed(before, after, [])].toSorted()
