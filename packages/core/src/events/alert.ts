import type { AlertDocument, CriticalError } from '@infinity-matrix/contracts'

const idsKept = 50
/** What goes on failing is told again after this long. */
export const tellAgainMinutes = 60

/** What makes errors one alert. Whatever differs in words alone is the same. */
export const alertKey = ({ source, subject, data }: CriticalError): string => [source, subject, data.code].join('\n')

/**
 * An alert after one more error; undefined when the error is in it already.
 *
 * @returns `isNews` when people are to be told: of a new alert, and of one that went on for an hour since they were
 */
export const raise = (
  known: AlertDocument | undefined,
  { id, source, subject, time, data }: CriticalError,
): { alert: AlertDocument; isNews: boolean } | undefined => {
  if (known?.eventIds.includes(id)) return undefined
  const at = new Date(Date.parse(time)).toISOString()
  const isNews = known === undefined || Date.parse(at) - Date.parse(known.toldAt) >= tellAgainMinutes * 60_000
  const isLatest = known === undefined || at >= known.lastAt
  return {
    isNews,
    alert: {
      source,
      subject,
      code: data.code,
      message: isLatest ? data.message : known.message,
      count: (known?.count ?? 0) + 1,
      firstAt: known && known.firstAt < at ? known.firstAt : at,
      lastAt: isLatest ? at : known.lastAt,
      toldAt: isNews ? at : known.toldAt,
      eventIds: [...(known?.eventIds ?? []), id].slice(-idsKept),
    },
  }
}
