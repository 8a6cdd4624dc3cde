export * from './grpc-service.ts'
export * from './port.ts'
export * from './protos.ts'
export * from './status-error.ts'
