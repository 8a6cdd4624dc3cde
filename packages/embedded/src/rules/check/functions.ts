import type { FunctionDeclaration } from '../syntax/ast.ts'
import type { Issue } from '../syntax/issue.ts'
import { error, noteNames, warning } from './names.ts'
import { Scope, type DeclaredFunction } from './scope.ts'

/** Production says 10 and compiles 11. */
const letsMax = 11
const parametersMax = 7
/** Functions on one stack of calls: production says 20 and compiles 21. */
const stackMax = 21

/** Enters a block's functions into its scope. */
export const declareFunctions = (functions: readonly FunctionDeclaration[], scope: Scope, issues: Issue[]): void => {
  for (const declaration of functions) {
    const { name, namePosition } = declaration
    if (scope.functions.has(name)) issues.push(error(`Function ${name} is already defined.`, namePosition))
    else scope.functions.set(name, { declaration, scope, calls: new Set(), doubts: [] })
  }
}

/** Checks a function's own names and notes what it calls. All functions around it have been declared. */
export const checkFunction = ({ declaration, scope, calls, doubts }: DeclaredFunction, issues: Issue[]): void => {
  const { name, namePosition, parameters, lets, result } = declaration
  if (parameters.length > parametersMax) {
    issues.push(error(`Function ${name} has more than ${parametersMax} arguments.`, namePosition))
  }
  if (lets.length > letsMax) {
    const message = 'Maximum allowed variable count of 10 for a given function has been reached.'
    issues.push(error(message, result.position))
  }
  const variables = new Set<string>()
  const visible: string[] = []
  const declared = [
    ...parameters.map((parameter) => ({ name: parameter.name, position: parameter.position, value: null })),
    ...lets.map((binding) => ({ name: binding.name, position: binding.namePosition, value: binding.value })),
  ]
  for (const variable of declared) {
    if (visible.includes(variable.name)) {
      issues.push(error(`Variable ${variable.name} is already defined.`, variable.position))
    }
    if (variable.value) noteNames(variable.value, new Scope(scope, visible), { variables, calls, doubts })
    visible.push(variable.name)
  }
  noteNames(result, new Scope(scope, visible), { variables, calls, doubts })
  for (const variable of declared) {
    if (!variables.has(variable.name)) issues.push(warning(`Unused variable: ${variable.name}.`, variable.position))
  }
}

/** Refuses functions that call each other too deeply, and so all that call themselves. */
export const checkCallDepth = (functions: readonly DeclaredFunction[], issues: Issue[]): void => {
  const depths = new Map<DeclaredFunction, number>()
  const depthOf = (one: DeclaredFunction, above = 0): number => {
    const known = depths.get(one)
    if (known !== undefined) return known
    if (above > stackMax) return Infinity
    // Whoever comes back here while this stands calls itself.
    depths.set(one, Infinity)
    let depth = 0
    for (const callee of one.calls) depth = Math.max(depth, depthOf(callee, above + 1))
    depths.set(one, depth + 1)
    return depth + 1
  }
  const deep = functions.find((one) => depthOf(one) > stackMax)
  if (!deep) return
  const stack = [deep]
  while (stack.length < stackMax) {
    const callees = [...(stack.at(-1) as DeclaredFunction).calls]
    const next = callees.toSorted((a, b) => depthOf(b) - depthOf(a))[0]
    if (!next) break
    stack.push(next)
  }
  const names = stack.map((one) => one.declaration.name).join('->')
  const message = `Maximum allowed call depth of 20 is reached for [${names}] call stack.`
  issues.push(error(message, deep.declaration.namePosition))
}
