/**
 * How long the client prefers to wait for the whole work to be done before it is answered; undefined when it does not.
 *
 * @param prefer the `Prefer` header
 * @see https://www.rfc-editor.org/rfc/rfc7240#section-4.3
 */
export const preferredWaitSeconds = (prefer: string | undefined, secondsMax: number): number | undefined => {
  const wait = /(?:^|,)\s*wait\s*=\s*"?([1-9]\d{0,8})"?\s*(?:[;,]|$)/i.exec(prefer ?? '')
  return wait === null ? undefined : Math.min(Number(wait[1]), secondsMax)
}
