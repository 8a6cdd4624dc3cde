import { invalidArgument } from './errors.ts'

// https://cloud.google.com/pubsub/docs/smts/smts-overview#limits
const TRANSFORMS_MAX = 5
const CODE_BYTES_MAX = 20_480

/** google.pubsub.v1.MessageTransform, as far as it is looked into. */
export interface MessageTransform {
  javascriptUdf: { functionName: string; code: string } | null
}

/**
 * Throws INVALID_ARGUMENT for transforms that production would not take. They are kept and reported; messages pass as
 * they are.
 */
export const checkMessageTransforms = (transforms: readonly MessageTransform[]): void => {
  if (transforms.length > TRANSFORMS_MAX) {
    throw invalidArgument(`A resource may have at most ${TRANSFORMS_MAX} message transforms.`)
  }
  for (const { javascriptUdf: udf } of transforms) {
    if (!udf) continue
    if (!/^[A-Za-z_$][\w$]*$/.test(udf.functionName) || !udf.code.includes(udf.functionName)) {
      throw invalidArgument(`Invalid JavaScript UDF: no function is named ${JSON.stringify(udf.functionName)}.`)
    }
    if (Buffer.byteLength(udf.code) > CODE_BYTES_MAX) {
      throw invalidArgument(`Invalid JavaScript UDF: the code has more than ${CODE_BYTES_MAX} bytes.`)
    }
  }
}
