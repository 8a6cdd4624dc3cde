import { z } from 'zod'

const rule = 'must be an RFC 3339 date and time with its offset, in the years 1970 to 9999 of UTC'
const yearTenThousandMs = Date.UTC(10_000, 0, 1)

/** A moment as its sender writes it. Outside these years, UTC with four digits, as documents keep it, could not say it. */
export const when = z.iso.datetime({ offset: true, error: rule }).refine(
  (text) => {
    // In UTC the year is written out, which is cheaper to read than the whole.
    if (text.endsWith('Z')) return text >= '1970'
    const ms = Date.parse(text)
    return ms >= 0 && ms < yearTenThousandMs
  },
  { error: rule },
)

/** A moment as documents keep it. UTC, milliseconds, `Z`: sorts as text. */
export const Instant = z.string().regex(/^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$/)

/** The same moment as documents keep it. */
export const instantOf = (time: string): string =>
  time.length === 24 && time.endsWith('Z') ? time : new Date(Date.parse(time)).toISOString()
