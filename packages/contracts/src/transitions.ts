import { z } from 'zod'
import { fields } from './data-class.ts'
import { Instant } from './when.ts'

/** An agent's document keeps this many of its latest transitions; the archive has all. */
export const transitionsKept = 20

/** One applied report. */
export const Transition = z.object(
  fields.internal({
    sequence: z.int(),
    type: z.string(),
    /** The agent's status after it. */
    status: z.string(),
    /** When it happened at the agent, when it was published, and when it became visible in the document. */
    at: Instant,
    publishedAt: Instant,
    foldedAt: Instant,
    /** Why it changed nothing, when it was refused; it stands in the dead letters. */
    refused: z.string().optional(),
  }),
)
export type Transition = z.infer<typeof Transition>

// Times after the first as milliseconds since it. An agent's document is mostly transitions, and each byte of it is read
// and written at every commit.
const Line = z.tuple([z.int(), z.string(), z.string(), Instant, z.number(), z.number(), z.string().optional()])

const lineOf = ({ sequence, type, status, at, publishedAt, foldedAt, refused }: Transition): string => {
  const atMs = Date.parse(at)
  const line: z.infer<typeof Line> = [
    sequence,
    type,
    status,
    at,
    Date.parse(publishedAt) - atMs,
    Date.parse(foldedAt) - atMs,
  ]
  if (refused !== undefined) line.push(refused)
  return JSON.stringify(line)
}

/** The transitions in a document's text, oldest first. */
export const transitionsOf = ({ transitions }: { transitions: string }): Transition[] =>
  linesOf(transitions).map((text) => {
    const [sequence, type, status, at, publishedAfterMs, foldedAfterMs, refused] = Line.parse(JSON.parse(text))
    const after = (ms: number) => new Date(Date.parse(at) + ms).toISOString()
    return {
      sequence,
      type,
      status,
      at,
      publishedAt: after(publishedAfterMs),
      foldedAt: after(foldedAfterMs),
      ...(refused === undefined ? {} : { refused }),
    }
  })

/** The text with later transitions, of which the latest are kept. */
export const appendTransitions = (text: string, later: readonly Transition[]): string =>
  [...linesOf(text), ...later.slice(-transitionsKept).map(lineOf)].slice(-transitionsKept).join('\n')

const linesOf = (text: string): string[] => (text === '' ? [] : text.split('\n'))
