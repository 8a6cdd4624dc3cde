export { emulatorSuiteEnvironment, googleSuiteEnvironment } from './suite-environment.ts'
export { functionsAddress, withFreePorts, type FreePorts } from './suite-config.ts'
