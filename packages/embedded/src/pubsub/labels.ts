import { invalidArgument } from './errors.ts'

// https://cloud.google.com/pubsub/docs/labels#requirements. Letters of any alphabet are allowed, none in upper case.
const LABELS_MAX = 64
const KEY = /^[\p{Ll}\p{Lo}][\p{Ll}\p{Lo}\p{N}_-]{0,62}$/u
const VALUE = /^[\p{Ll}\p{Lo}\p{N}_-]{0,63}$/u

/** Throws INVALID_ARGUMENT. */
export const checkLabels = (labels: Readonly<Record<string, string>>): void => {
  const entries = Object.entries(labels)
  if (entries.length > LABELS_MAX) throw invalidArgument(`A resource may have at most ${LABELS_MAX} labels.`)
  for (const [key, value] of entries) {
    if (!KEY.test(key)) throw invalidArgument(`Invalid label key given (key=${key}).`)
    if (!VALUE.test(value)) throw invalidArgument(`Invalid label value given (key=${key}, value=${value}).`)
  }
}
