import { getField } from '../field-path.ts'
import { vectorElements, type Value } from '../values/value.ts'
import type { NearestNeighbours } from './query.ts'
import type { Row } from './run.ts'

export interface Neighbour {
  readonly row: Row
  readonly distance: number
}

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * (b[i] as number), 0)

const distanceBetween = (measure: NearestNeighbours['measure'], a: readonly number[], b: readonly number[]): number => {
  switch (measure) {
    case 'EUCLIDEAN':
      return Math.sqrt(a.reduce((sum, x, i) => sum + (x - (b[i] as number)) ** 2, 0))
    case 'COSINE':
      return 1 - dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b))
    case 'DOT_PRODUCT':
      return dot(a, b)
  }
}

const isNumbers = (elements: readonly Value[]): elements is readonly number[] =>
  elements.every((element) => typeof element === 'number')

/** The rows whose vectors lie nearest, nearest first: the smallest distance, or the largest dot product. */
export const nearestRows = (rows: readonly Row[], nearest: NearestNeighbours): Neighbour[] => {
  const { measure, vector, threshold, limit } = nearest
  const larger = measure === 'DOT_PRODUCT'
  const neighbours: Neighbour[] = []
  for (const row of rows) {
    const elements = vectorElements(getField(row.version.fields, nearest.field))
    if (!elements || elements.length !== vector.length || !isNumbers(elements)) continue
    const distance = distanceBetween(measure, vector, elements)
    if (threshold !== null && !(larger ? distance >= threshold : distance <= threshold)) continue
    neighbours.push({ row, distance })
  }
  const rank = ({ distance }: Neighbour) => (Number.isNaN(distance) ? Infinity : larger ? -distance : distance)
  const order = (a: number, b: number) => (a < b ? -1 : a > b ? 1 : 0)
  return neighbours.toSorted((a, b) => order(rank(a), rank(b))).slice(0, limit)
}
