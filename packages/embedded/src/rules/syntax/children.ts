import type { Expression } from './ast.ts'

/** The expressions directly inside one, in the order of the source. */
export const childrenOf = (node: Expression): readonly Expression[] => {
  switch (node.kind) {
    case 'literal':
    case 'identifier':
      return []
    case 'member':
      return [node.object]
    case 'index':
      return [node.object, node.index]
    case 'slice':
      return [node.object, node.from, node.to]
    case 'call':
      return node.receiver ? [node.receiver, ...node.args] : node.args
    case 'unary':
    case 'is':
      return [node.operand]
    case 'binary':
    case 'logical':
      return [node.left, node.right]
    case 'ternary':
      return [node.condition, node.whenTrue, node.whenFalse]
    case 'list':
      return node.items
    case 'map':
      return node.entries.flatMap(({ key, value }) => [key, value])
    case 'path':
      return node.parts.flatMap((part) => ('value' in part ? [part.value] : []))
  }
}
