// The built functions with faults planted around the one that folds: what the checker must report. Only its test deploys
// this file; PLANTED_FAULTS says which faults.
import { join } from 'node:path'

interface CloudEvent {
  data: { message: { messageId: string; data?: string } }
}
type Handler = (event: CloudEvent) => Promise<unknown>
type Built = Record<string, Record<string, Handler>> & { fleet: { onStateChange: Handler } }

const built = (await import(join(import.meta.dirname, '../../functions/dist/index.js'))) as Built

const isJson = (text: string) => {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
const textOf = ({ data: { message } }: CloudEvent) => Buffer.from(message.data ?? '', 'base64').toString('utf8')
const withMessage = (event: CloudEvent, change: Partial<CloudEvent['data']['message']>): CloudEvent => ({
  ...event,
  data: { ...event.data, message: { ...event.data.message, ...change } },
})

let calls = 0
const every = (count: number) => calls % count === 0

const faults: Record<string, (handler: Handler) => Handler> = {
  'drops-messages': (handler) => async (event) => (every(29) ? undefined : handler(event)),
  'acknowledges-before-it-stores': (handler) => async (event) => {
    handler(event).catch(() => {})
  },
  'counts-twice': (handler) => (event) => {
    const twice = textOf(event).replaceAll(/"tokensIn":(\d+)/g, (_, count) => `"tokensIn":${Number(count) * 2}`)
    return handler(every(7) ? withMessage(event, { data: Buffer.from(twice).toString('base64') }) : event)
  },
  'forgets-dead-letters': (handler) => async (event) => (isJson(textOf(event)) ? handler(event) : undefined),
  'keeps-dead-letters-twice': (handler) => async (event) => {
    await handler(event)
    if (every(3)) await handler(withMessage(event, { messageId: `${event.data.message.messageId}0` }))
  },
}

const planted = (process.env['PLANTED_FAULTS'] ?? '').split(',').reduce<Handler>(
  (handler, name) => faults[name]?.(handler) ?? handler,
  (event) => built.fleet.onStateChange(event),
)

/** The other rooms as they are. */
export const { events } = built

export const fleet = {
  ...built.fleet,
  onStateChange: (event: CloudEvent) => {
    calls++
    return planted(event)
  },
}
