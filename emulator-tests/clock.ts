// The clock of the local engines, which fires the suite's schedules and tasks: on time, and when a test says so.
const host = process.env['IMX_SCHEDULE_CLOCK_HOST'] ?? '127.0.0.1:8086'

const call = async (path: string, body?: object): Promise<unknown> => {
  const request = body ? { method: 'POST', body: JSON.stringify(body) } : { method: 'GET' }
  const response = await fetch(`http://${host}${path}`, request)
  if (!response.ok) throw new Error(`the clock answered ${response.status}: ${await response.text()}`)
  return response.json()
}

/** Runs a scheduled function now; resolves when it has finished. */
export const fireSchedule = async (schedule: string): Promise<void> => {
  const { fired } = (await call('/fire', { schedule })) as { fired: { error?: string }[] }
  for (const { error } of fired) if (error !== undefined) throw new Error(`${schedule} failed: ${error}`)
}

/** The names of the functions that the clock fires, with their schedules. */
export const listSchedules = async (): Promise<{ name: string; schedule: string }[]> =>
  ((await call('/schedules')) as { schedules: { name: string; schedule: string }[] }).schedules

/** Moves the clock, which runs what falls due on the way. */
export const advanceClock = async (seconds: number): Promise<{ name: string }[]> =>
  ((await call('/advance', { seconds })) as { fired: { name: string }[] }).fired
