/** What runs in a process of its own. */
export interface Running {
  close(): Promise<void>
}

const PARENT_CHECK_MS = 500
// The Firebase CLI gives up after 4 s.
const CLOSE_MS_MAX = 2000

const explain = (name: string, error: unknown): string => {
  if (!(error instanceof Error)) return `${name}: ${String(error)}`
  const { code, address, port } = error as Error & { code?: string; address?: string; port?: number }
  // The words that the Firebase CLI looks for.
  if (code === 'EADDRINUSE') return `${name}: address already in use ${address}:${port}`
  return `${name}: ${error.message}`
}

export interface ProcessOptions {
  /** End when the process that started this one is gone, so that nothing is left behind. Default true. */
  endsWithParent?: boolean
}

/**
 * Runs `start` as this process's work: ends on SIGINT, SIGTERM and SIGHUP with code 0. Ends with code 1 and a line on
 * stderr when `start` fails.
 */
export const runEngineProcess = async (
  name: string,
  start: () => Promise<Running>,
  { endsWithParent = true }: ProcessOptions = {},
): Promise<void> => {
  const parent = process.ppid
  let stopping = false
  let running: Running | undefined
  const stop = async (): Promise<void> => {
    if (stopping) return
    stopping = true
    setTimeout(() => process.exit(0), CLOSE_MS_MAX)
    await running?.close()
    process.exit(0)
  }
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => void stop())
  if (endsWithParent) {
    setInterval(() => {
      if (process.ppid !== parent) void stop()
    }, PARENT_CHECK_MS)
  }
  try {
    running = await start()
  } catch (error) {
    console.error(explain(name, error))
    process.exit(1)
  }
}
