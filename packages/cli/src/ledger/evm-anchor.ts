import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import { setTimeout as sleepFor } from 'node:timers/promises'
import type { Anchorer } from '@infinity-matrix/anchors'
import { EvmProgress, fields, type Anchor } from '@infinity-matrix/contracts'
import { z } from 'zod'

/** What a run that is stopped leaves for the next one: a checkpoint on its way, and what was signed for it. */
const OnItsWay = z.object(fields.internal({ checkpoint: z.string(), progress: EvmProgress }))
type OnItsWay = z.infer<typeof OnItsWay>

const readOnItsWay = async (path: string): Promise<OnItsWay | undefined> => {
  const text = await readFile(path, 'utf8').catch(() => undefined)
  return text === undefined ? undefined : OnItsWay.parse(JSON.parse(text))
}

/**
 * Takes a checkpoint all the way, a step every few seconds. One that a run before left on its way is finished first, and
 * is what is returned.
 *
 * @param path of the file for what is on its way: beside the export, which holds nothing else than a log
 */
export const anchorInSteps = async (
  anchorer: Anchorer<EvmProgress>,
  published: string,
  path: string,
  { sleep = sleepFor, everySeconds = 5 }: { sleep?: (ms: number) => Promise<unknown>; everySeconds?: number } = {},
): Promise<Anchor> => {
  const before = await readOnItsWay(path)
  const checkpoint = before?.checkpoint ?? published
  let progress = before?.progress ?? null
  const keep = async (next: EvmProgress) => {
    await writeFile(`${path}.unfinished`, JSON.stringify({ checkpoint, progress: next } satisfies OnItsWay))
    await rename(`${path}.unfinished`, path)
    progress = next
  }
  for (;;) {
    const anchor = await anchorer.advance(checkpoint, progress, keep)
    if (anchor) {
      await rm(path, { force: true })
      return anchor
    }
    await sleep(everySeconds * 1000)
  }
}
