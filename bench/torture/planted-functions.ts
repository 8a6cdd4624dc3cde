// The built functions with faults planted around those that fold and distribute: what the checker must report. Only its test deploys
// this file; PLANTED_FAULTS says which faults.
import { join } from 'node:path'

interface CloudEvent {
  data: { message: { messageId: string; data?: string } }
}
type Handler = (event: CloudEvent) => Promise<unknown>
type Built = Record<string, Record<string, Handler>> & {
  fleet: { onStateChange: Handler }
  events: { onChange: Handler }
}

const built = (await import(join(import.meta.dirname, '../../functions/dist/index.js'))) as Built

const isJson = (text: string) => {
  try {
    for (const line of text.split('\n')) JSON.parse(line)
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

type Faults = Record<string, (handler: Handler) => Handler>

const foldFaults: Faults = {
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

interface Changed {
  changes?: { events: { sequence: number }[] }[]
}

const changeFaults: Faults = {
  'forgets-changes': (handler) => async (event) => (every(5) ? undefined : handler(event)),
  'tells-out-of-order': (handler) => (event) => {
    const changed = JSON.parse(textOf(event)) as Changed
    for (const { events: told } of changed.changes ?? []) {
      const [first, second] = told
      if (first && second) [first.sequence, second.sequence] = [second.sequence, first.sequence]
    }
    return handler(withMessage(event, { data: Buffer.from(JSON.stringify(changed)).toString('base64') }))
  },
}

const withFaults = (faults: Faults, sound: Handler): Handler => {
  const planted = (process.env['PLANTED_FAULTS'] ?? '')
    .split(',')
    .reduce((handler, name) => faults[name]?.(handler) ?? handler, sound)
  return (event) => {
    calls++
    return planted(event)
  }
}

export const events = {
  ...built.events,
  onChange: withFaults(changeFaults, (event) => built.events.onChange(event)),
}

export const fleet = {
  ...built.fleet,
  onStateChange: withFaults(foldFaults, (event) => built.fleet.onStateChange(event)),
}
