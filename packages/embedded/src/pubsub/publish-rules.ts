import { checkRange, invalidArgument } from './errors.ts'
import * as limits from './limits.ts'
import type { PubsubMessage } from './messages.ts'

const textBytes = (text: string): number => Buffer.byteLength(text)

/** The size that flow control counts: data, attributes and ordering key, in bytes. */
export const messageBytes = (message: PubsubMessage): number => {
  let bytes = message.data.length + message.orderingKey.length
  for (const key in message.attributes) bytes += key.length + (message.attributes[key]?.length ?? 0)
  return bytes
}

const checkAttributes = (attributes: Record<string, string>): number => {
  let count = 0
  for (const key in attributes) {
    count++
    if (key === '') throw invalidArgument('Message attribute keys must be non-empty.')
    // Google's clients put the context of a trace under `googclient_`.
    if (key.startsWith('goog') && !key.startsWith('googclient_')) {
      throw invalidArgument(`The attribute key ${key} is invalid: keys that begin with "goog" are reserved.`)
    }
    checkRange('attribute_key_size', textBytes(key), 1, limits.ATTRIBUTE_KEY_BYTES_MAX)
    checkRange('attribute_value_size', textBytes(attributes[key] ?? ''), 0, limits.ATTRIBUTE_VALUE_BYTES_MAX)
  }
  checkRange('num_attributes', count, 0, limits.ATTRIBUTES_MAX)
  return count
}

/** Throws INVALID_ARGUMENT where production would. `requestBytes` is the encoded size of the request. */
export const checkPublish = (messages: readonly PubsubMessage[], requestBytes: number): void => {
  checkRange('message_count', messages.length, 1, limits.PUBLISH_MESSAGES_MAX)
  if (requestBytes > limits.REQUEST_BYTES_MAX) {
    throw invalidArgument(`Request payload size exceeds the limit: ${limits.REQUEST_BYTES_MAX} bytes.`)
  }
  checkRange('request_size', requestBytes, 0, limits.PUBLISH_BYTES_MAX)
  for (const message of messages) {
    const attributes = checkAttributes(message.attributes)
    if (message.data.length === 0 && attributes === 0) {
      throw invalidArgument(
        'One or more messages in the publish request is empty. Each message must contain either non-empty data, or at least one attribute.',
      )
    }
    checkRange('ordering_key_size', textBytes(message.orderingKey), 0, limits.ORDERING_KEY_BYTES_MAX)
  }
}
