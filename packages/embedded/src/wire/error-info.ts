import { Metadata } from '@grpc/grpc-js'
import protobuf from 'protobufjs'

// https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto
const { root } = protobuf.parse(`
  syntax = "proto3";
  package google.rpc;
  message Any { string type_url = 1; bytes value = 2; }
  message Status { int32 code = 1; string message = 2; repeated Any details = 3; }
  message ErrorInfo { string reason = 1; string domain = 2; map<string, string> metadata = 3; }
`)
const statusType = root.lookupType('google.rpc.Status')
const errorInfoType = root.lookupType('google.rpc.ErrorInfo')

/** What a machine can read of an error: a constant of the domain, and more by key. */
export interface ErrorInfo {
  /** In capitals, for instance `INVALID_JSON_AVRO_MESSAGE`. */
  reason: string
  /** The service, for instance `pubsub.googleapis.com`. */
  domain: string
  metadata: Record<string, string>
}

export const ERROR_INFO_TYPE = 'type.googleapis.com/google.rpc.ErrorInfo'

/** The trailers that carry an `ErrorInfo` to a gRPC client, which reads `grpc-status-details-bin`. */
export const errorInfoTrailers = (code: number, message: string, info: ErrorInfo): Metadata => {
  const value = errorInfoType.encode(info).finish()
  const status = statusType.encode({ code, message, details: [{ typeUrl: ERROR_INFO_TYPE, value }] }).finish()
  const trailers = new Metadata()
  trailers.set('grpc-status-details-bin', Buffer.from(status))
  return trailers
}
