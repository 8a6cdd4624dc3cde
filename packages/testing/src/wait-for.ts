/**
 * Asks again until there is an answer other than undefined.
 *
 * @param what named in the error when the deadline passes without an answer
 */
export const waitFor = async <T>(
  what: string,
  ask: () => Promise<T | undefined> | T | undefined,
  { deadlineSeconds = 30, pauseMs = 50 }: { deadlineSeconds?: number; pauseMs?: number } = {},
): Promise<T> => {
  const giveUpMs = Date.now() + deadlineSeconds * 1000
  for (;;) {
    const answer = await ask()
    if (answer !== undefined) return answer
    if (Date.now() > giveUpMs) throw new Error(`waited ${deadlineSeconds} s in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
}
