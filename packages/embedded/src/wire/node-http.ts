/**
 * Node's own `node:http`. An `import` of it evaluates every export there is, and with them loads all of Node's `fetch`:
 * a third of the time in which an engine is ready.
 */
export const http = process.getBuiltinModule('node:http')
