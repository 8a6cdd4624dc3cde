import type { TextPosition } from '@infinity-matrix/contracts'
import { findNodeAtLocation, parseTree, type Node, type ParseError } from 'jsonc-parser'

/**
 * Where in a JSON text a field stands: its value, or the object that lacks it. In a text that is no JSON, where that shows.
 *
 * @param path such as `data.toolCalls.search`; empty for the whole text
 */
export const positionOf = (text: string, path: string): TextPosition | null => {
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true })
  const [error] = errors
  if (error) return positionAt(text, error.offset)
  if (!root) return null
  return path === '' ? null : positionAt(text, nodeAt(root, path.split('.')).offset)
}

// The name of a field may itself hold dots, so the longest name that is there is taken.
const nodeAt = (node: Node, names: readonly string[]): Node => {
  for (let length = names.length; length > 0; length--) {
    const name = names.slice(0, length).join('.')
    const child = findNodeAtLocation(node, [node.type === 'array' ? Number(name) : name])
    if (child) return nodeAt(child, names.slice(length))
  }
  return node
}

const positionAt = (text: string, offset: number): TextPosition => {
  const before = text.slice(0, offset)
  const lineStart = before.lastIndexOf('\n') + 1
  return { offset, line: before.split('\n').length, column: offset - lineStart + 1 }
}
