export { emulatorSuiteEnvironment, googleSuiteEnvironment } from './suite-environment.ts'
