import { celEnv, isCelError, isCelList, isCelMap, isCelUint, parse, plan } from '@bufbuild/cel'

/** What an expression came to; a failure is not silently false. */
export type Evaluated = { ok: true; value: unknown } | { ok: false; message: string }
export type Evaluate = (variables: { event: object; state: object }) => Evaluated
export type Compiled = { ok: true; evaluate: Evaluate } | { ok: false; rule: string }

type Expr = ReturnType<typeof parse>['expr']

// Hostile expressions: with one loop at most, work grows no faster than expression times event. Regular expressions are
// RE2, whose time is linear.
const nodesMax = 300
const known = new Set([
  'event',
  'state',
  'bool',
  'int',
  'uint',
  'double',
  'string',
  'bytes',
  'list',
  'map',
  'type',
  'null_type',
])

/**
 * Compiles a CEL expression over `event` and `state`. JSON's numbers are doubles: `state.usage.steps * 2.0`.
 *
 * @see https://github.com/google/cel-spec/blob/master/doc/langdef.md
 */
export const compile = (text: string): Compiled => {
  let parsed: ReturnType<typeof parse>
  try {
    parsed = parse(text)
  } catch (error) {
    return { ok: false, rule: `must be CEL: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300) }
  }
  const rule = faultOf(parsed.expr)
  if (rule !== undefined) return { ok: false, rule }
  const run = plan(celEnv({}), parsed)
  return {
    ok: true,
    evaluate: (variables) => {
      try {
        // Plain JSON, which is what CEL takes; its type knows no interfaces.
        const value: unknown = Reflect.apply(run, undefined, [variables])
        return isCelError(value) ? { ok: false, message: value.message } : { ok: true, value: jsonOf(value) }
      } catch (error) {
        return { ok: false, message: error instanceof Error ? error.message : String(error) }
      }
    },
  }
}

/** Why an expression is refused though it can be parsed; undefined when it is not. */
const faultOf = (root: Expr): string | undefined => {
  let nodes = 0
  const visit = (expr: Expr | undefined, loops: number, names: ReadonlySet<string>): string | undefined => {
    if (!expr) return undefined
    if (++nodes > nodesMax) return `must have at most ${nodesMax} operations, names and values`
    const all = (parts: readonly (Expr | undefined)[]) => {
      for (const part of parts) {
        const fault = visit(part, loops, names)
        if (fault !== undefined) return fault
      }
      return undefined
    }
    const { exprKind } = expr
    switch (exprKind.case) {
      case 'identExpr':
        return names.has(exprKind.value.name)
          ? undefined
          : `must not name ${exprKind.value.name}: there are event and state`
      case 'selectExpr':
        return all([exprKind.value.operand])
      case 'callExpr':
        return all([exprKind.value.target, ...exprKind.value.args])
      case 'listExpr':
        return all(exprKind.value.elements)
      case 'structExpr':
        return all(
          exprKind.value.entries.flatMap(({ keyKind, value }) => [
            keyKind.case === 'mapKey' ? keyKind.value : undefined,
            value,
          ]),
        )
      case 'comprehensionExpr': {
        if (loops > 0) return 'must not have a loop (all, exists, filter, map) within another'
        const { iterVar, iterVar2, accuVar, iterRange, accuInit, loopCondition, loopStep, result } = exprKind.value
        const inner = new Set([...names, iterVar, iterVar2, accuVar])
        return (
          all([iterRange, accuInit]) ??
          visit(loopCondition, loops + 1, inner) ??
          visit(loopStep, loops + 1, inner) ??
          visit(result, loops + 1, inner)
        )
      }
      case 'constExpr':
      case undefined:
        return undefined
      default:
        return exprKind satisfies never
    }
  }
  return visit(root, 0, known)
}

/** A value of CEL as JSON has it. @throws for what JSON has no form for, such as timestamps */
const jsonOf = (value: unknown): unknown => {
  if (isCelMap(value))
    return Object.fromEntries(
      [...value].map(([key, inner]) => [String(isCelUint(key) ? key.value : key), jsonOf(inner)]),
    )
  if (isCelList(value)) return [...value].map(jsonOf)
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value
  throw new Error('must come to what JSON can hold: use string(...) for times and bytes')
}
