import { isGlobal } from '../members/globals.ts'
import { isMethod } from '../members/methods.ts'
import { hasFunction, isNamespace } from '../members/namespaces.ts'
import { regex } from '../members/regex.ts'
import type { Call, Expression } from '../syntax/ast.ts'
import { childrenOf } from '../syntax/children.ts'
import type { Issue, Position } from '../syntax/issue.ts'
import { Failure } from '../values/failure.ts'
import { isTypeName } from '../values/type-test.ts'
import type { DeclaredFunction, Doubt, Scope } from './scope.ts'

const globals = new Set(['request', 'resource'])

export const warning = (description: string, position: Position | null): Issue => ({
  severity: 'WARNING',
  description,
  position,
})

export const error = (description: string, position: Position | null): Issue => ({
  severity: 'ERROR',
  description,
  position,
})

/** What one expression uses. */
export interface Uses {
  readonly variables: Set<string>
  readonly calls: Set<DeclaredFunction>
  readonly doubts: Doubt[]
}

const regexMethods = new Set(['matches', 'split', 'replace'])

/** Notes the names that an expression uses. They are only ever warned of: production takes unknown ones as well. */
export const noteNames = (expression: Expression, scope: Scope, uses: Uses): void => {
  const { doubts } = uses
  const doubt = (description: string, position: Position, global = false): void => {
    doubts.push({ issue: warning(description, position), global })
  }
  const noteCall = (call: Call): void => {
    const { receiver, name, namePosition, args } = call
    if (receiver) {
      const namespace = receiver.kind === 'identifier' && !scope.hasVariable(receiver.name) ? receiver.name : null
      const known = namespace !== null && isNamespace(namespace) ? hasFunction(namespace, name) : isMethod(name)
      if (!known) doubt(`Invalid function name: ${name}.`, namePosition)
      const [pattern] = args
      if (regexMethods.has(name) && pattern?.kind === 'literal' && typeof pattern.value === 'string') {
        const { position, value } = pattern
        const message = `Invalid regular expression pattern. Pattern: [${value}].`
        if (regex(value) instanceof Failure) doubts.push({ issue: error(message, position), global: false })
      }
      return
    }
    const declared = scope.functionNamed(name)
    if (!declared) {
      doubt(`Invalid function name: ${name}.`, namePosition, isGlobal(name))
      return
    }
    uses.calls.add(declared)
    const { parameters } = declared.declaration
    if (parameters.length === args.length) return
    const expected = `${name}(${parameters.map((parameter) => parameter.name).join(', ')})`
    doubt(`Incorrect number of arguments. Received: ${args.length}. Expected: ${expected}.`, namePosition)
  }
  const visit = (node: Expression): void => {
    if (node.kind === 'identifier') {
      uses.variables.add(node.name)
      if (!scope.hasVariable(node.name))
        doubt(`Invalid variable name: ${node.name}.`, node.position, globals.has(node.name))
    } else if (node.kind === 'call') {
      noteCall(node)
      const { receiver } = node
      const namespace =
        receiver?.kind === 'identifier' && isNamespace(receiver.name) && !scope.hasVariable(receiver.name)
      for (const child of namespace ? node.args : childrenOf(node)) visit(child)
      return
    } else if (node.kind === 'is' && !isTypeName(node.type)) {
      doubt(`Invalid type name: ${node.type}.`, node.position)
    }
    for (const child of childrenOf(node)) visit(child)
  }
  visit(expression)
}
