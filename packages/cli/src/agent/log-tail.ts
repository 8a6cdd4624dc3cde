/** Keeps the end of a log: at most `lengthMax` characters. */
export const createLogTail = (lengthMax: number) => {
  let text = ''
  return {
    add: (more: string) => {
      text = (text + more).slice(-lengthMax)
    },
    /** The cut may have gone through a surrogate pair, which UTF-8 has no half for. */
    read: (): string => text.toWellFormed(),
  }
}
