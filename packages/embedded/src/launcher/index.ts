export {
  emulatorSuiteEnvironment,
  googleSuiteEnvironment,
  googleSuitePreloads,
  suitePreloads,
} from './suite-environment.ts'
export { functionsAddress, withFreePorts, type FreePorts } from './suite-config.ts'
