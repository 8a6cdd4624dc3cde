import { z } from 'zod'

const rule = 'must be an RFC 3339 date and time with its offset, in the years 1970 to 9999 of UTC'
const yearTenThousandMs = Date.UTC(10_000, 0, 1)

/** A moment as its sender writes it. Outside these years, UTC with four digits, as documents keep it, could not say it. */
export const when = z.iso.datetime({ offset: true, error: rule }).refine(
  (text) => {
    const ms = Date.parse(text)
    return ms >= 0 && ms < yearTenThousandMs
  },
  { error: rule },
)
