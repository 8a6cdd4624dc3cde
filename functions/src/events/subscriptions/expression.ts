import { once } from '../../runtime/context.ts'

/** What an expression came to; a failure is not silently false. */
export type Evaluated = { ok: true; value: unknown } | { ok: false; message: string }
export type Evaluate = (variables: { event: object; state: object }) => Evaluated
export type Compiled = { ok: true; evaluate: Evaluate } | { ok: false; rule: string }

type Cel = typeof import('@bufbuild/cel')
type Parsed = ReturnType<Cel['parse']>
type Expr = Parsed['expr']

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
export type Compile = (text: string) => Compiled

/** CEL's module is large, and loaded only where there is an expression. */
export const loadCompile = once(async (_: undefined) => compileWith(await import('@bufbuild/cel')))

const compileWith =
  (cel: Cel): Compile =>
  (text) => {
    let parsed: Parsed
    try {
      parsed = cel.parse(text)
    } catch (error) {
      return { ok: false, rule: `must be CEL: ${error instanceof Error ? error.message : String(error)}`.slice(0, 300) }
    }
    const rule = faultOf(parsed.expr)
    if (rule !== undefined) return { ok: false, rule }
    const run = cel.plan(cel.celEnv({}), parsed)
    return {
      ok: true,
      evaluate: (variables) => {
        try {
          // Plain JSON, which is what CEL takes; its type knows no interfaces.
          const value: unknown = Reflect.apply(run, undefined, [variables])
          if (cel.isCelError(value)) return { ok: false, message: withoutValues(text, value.message) }
          return { ok: true, value: jsonOf(cel, value) }
        } catch (error) {
          return { ok: false, message: withoutValues(text, error instanceof Error ? error.message : '') }
        }
      },
    }
  }

const telling =
  /^(found no matching overload|type mismatch|unbound function|unsupported key type|must come to|\w+ by zero)/

/** What CEL says of a failure often quotes the value that it failed on, which is for fewer to know than that it failed. */
const withoutValues = (text: string, message: string): string => {
  const [, field] = /^field not found: (.+)$/s.exec(message) ?? []
  const isTelling = telling.test(message) || (field !== undefined && text.includes(field))
  return isTelling ? message : 'fails on a value that it meets'
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
const jsonOf = (cel: Cel, value: unknown): unknown => {
  if (cel.isCelMap(value))
    return Object.fromEntries(
      [...value].map(([key, inner]) => [String(cel.isCelUint(key) ? key.value : key), jsonOf(cel, inner)]),
    )
  if (cel.isCelList(value)) return [...value].map((inner) => jsonOf(cel, inner))
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value)
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return value
  throw new Error('must come to what JSON can hold: use string(...) for times and bytes')
}
