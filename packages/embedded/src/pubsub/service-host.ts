import type { ServiceDefinition, UntypedServiceImplementation } from '@grpc/grpc-js'

/** Takes services to serve: the gRPC server, the one for HTTP/1.1. */
export interface ServiceHost {
  addService(definition: ServiceDefinition, implementation: UntypedServiceImplementation): void
}

/** Hands each service to several hosts. */
export const hosts = (...all: ServiceHost[]): ServiceHost => ({
  addService(definition, implementation) {
    for (const host of all) host.addService(definition, implementation)
  },
})
