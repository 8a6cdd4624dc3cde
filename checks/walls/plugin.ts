// The walls as rules for oxlint. What its own rules hold (globals, cycles, the environment) is set in oxlint.config.ts.
import { relative, sep } from 'node:path'
import { definePlugin, defineRule, type Context, type ESTree } from '@oxlint/plugins'
import { importFault } from './walls.ts'

const rulePath = (context: Context) => relative(context.cwd, context.filename).split(sep).join('/')

/** Every way to name another module: import, export from, import(), import type. */
const imports = defineRule({
  create(context) {
    const path = rulePath(context)
    const judge = (source: ESTree.Node | null) => {
      if (source?.type !== 'Literal' || typeof source.value !== 'string') return
      const message = importFault(path, source.value)
      if (message) context.report({ node: source, message })
    }
    return {
      ImportDeclaration: (node) => judge(node.source),
      ExportNamedDeclaration: (node) => judge(node.source),
      ExportAllDeclaration: (node) => judge(node.source),
      ImportExpression: (node) => judge(node.source),
      TSImportType: (node) => judge(node.source),
    }
  },
})

const isNamed = (node: ESTree.Node, name: string) => node.type === 'Identifier' && node.name === name

/** `new Date()` and `Date()` read the clock; `new Date(time)` does not. Date.now is a no-restricted-properties. */
const noCurrentDate = defineRule({
  create(context) {
    const message = 'time is an argument here: nothing in this package reads the clock'
    return {
      NewExpression(node) {
        if (isNamed(node.callee, 'Date') && node.arguments.length === 0) context.report({ node, message })
      },
      CallExpression(node) {
        if (isNamed(node.callee, 'Date')) context.report({ node, message })
      },
    }
  },
})

/** `process.env`, whether process is the global or imported, and `env` imported from node:process. */
const noEnvironment = defineRule({
  create(context) {
    const message = 'one module of each program reads the environment and hands it over as settings'
    return {
      MemberExpression(node) {
        if (isNamed(node.object, 'process') && isNamed(node.property, 'env')) context.report({ node, message })
      },
      ImportDeclaration(node) {
        if (!/^(node:)?process$/.test(node.source.value)) return
        for (const one of node.specifiers) {
          if (one.type === 'ImportSpecifier' && isNamed(one.imported, 'env')) context.report({ node: one, message })
        }
      },
    }
  },
})

/** Constructors that cost nothing and hold nothing outside the process. */
const cheapConstructors = new Set(['Map', 'Set', 'WeakMap', 'WeakSet', 'RegExp', 'TextEncoder', 'TextDecoder', 'URL'])
const heavyCalls = /^(getFirestore|getAuth|initializeApp|readFileSync|execFileSync|setTimeout|setInterval|fetch)$/
const statements = new Set(['ExpressionStatement', 'ForStatement', 'ForOfStatement', 'WhileStatement', 'TryStatement'])
const declarations = new Set(['setGlobalOptions'])

const calleeName = (node: ESTree.Node) => {
  if (node.type === 'Identifier') return node.name
  return node.type === 'MemberExpression' && node.property.type === 'Identifier' ? node.property.name : ''
}

/** At import a module declares. The Firebase CLI loads the bundle under a time limit, and every cold start pays for it. */
const noWorkAtImport = defineRule({
  create(context) {
    const message = 'no work at import time: make it on first use and hand it over in the context'
    let depth = 0
    const enter = () => void depth++
    const leave = () => void depth--
    return {
      Program(program) {
        for (const node of program.body) {
          const call = node.type === 'ExpressionStatement' ? node.expression : undefined
          const declares = call?.type === 'CallExpression' && declarations.has(calleeName(call.callee))
          if (statements.has(node.type) && !declares) context.report({ node, message })
          const variable = node.type === 'ExportNamedDeclaration' ? node.declaration : node
          if (variable?.type === 'VariableDeclaration' && variable.kind === 'let') {
            context.report({
              node: variable,
              message: 'no state at module level: it outlives the request that made it',
            })
          }
        }
      },
      NewExpression(node) {
        if (depth === 0 && !cheapConstructors.has(calleeName(node.callee))) context.report({ node, message })
      },
      CallExpression(node) {
        if (depth === 0 && heavyCalls.test(calleeName(node.callee))) context.report({ node, message })
      },
      FunctionDeclaration: enter,
      'FunctionDeclaration:exit': leave,
      FunctionExpression: enter,
      'FunctionExpression:exit': leave,
      ArrowFunctionExpression: enter,
      'ArrowFunctionExpression:exit': leave,
    }
  },
})

export default definePlugin({
  meta: { name: 'walls' },
  rules: {
    imports,
    'no-current-date': noCurrentDate,
    'no-environment': noEnvironment,
    'no-work-at-import': noWorkAtImport,
  },
})
