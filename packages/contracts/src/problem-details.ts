import { z } from 'zod'
import { fields } from './data-class.ts'

/** A field of the request that breaks a rule. */
export const FieldError = z.object(
  fields.public({
    /** Its path, such as `data.costUsd`; empty when the whole body is meant. */
    field: z.string(),
    /** What must hold, with its limit. */
    rule: z.string(),
    /** Where a request holds many events: which one, from 0, and the line it stands in, from 1, if each is a line. */
    event: z.int().optional(),
    line: z.int().optional(),
  }),
)
export type FieldError = z.infer<typeof FieldError>

/**
 * The body of every error that the control plane answers over HTTP, as `application/problem+json`.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
export const ProblemDetails = z.object({
  ...fields.public({
    /** `about:blank` where the status says it all. */
    type: z.string(),
    /** The name of the status. */
    title: z.string(),
    status: z.int().min(400).max(599),
    /** What is wrong this time, for people. */
    detail: z.string().optional(),
    errors: z.array(FieldError).optional(),
    /** Where a limit is passed: the limit, what the request has, and when the limit is free again (UTC). */
    limit: z.number().optional(),
    value: z.number().optional(),
    resetAt: z.iso.datetime().optional(),
  }),
  ...fields.confidential({
    /** Where a condition on what is stored failed: what is stored now. */
    current: z.unknown().optional(),
  }),
})
export type ProblemDetails = z.infer<typeof ProblemDetails>

export const problemMediaType = 'application/problem+json'
