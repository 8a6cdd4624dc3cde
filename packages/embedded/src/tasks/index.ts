export { startTasksEngine, type TasksEngine, type TasksEngineOptions } from './engine.ts'
