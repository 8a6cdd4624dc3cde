import type { ServerResponse } from 'node:http'

/** Resolves when there is room to write again, or nobody to write to. */
export const drained = (out: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    const done = () => {
      out.off('drain', done)
      out.off('close', done)
      resolve()
    }
    out.on('drain', done)
    out.on('close', done)
  })
