/** Firestore: https://cloud.google.com/firestore/quotas, https://cloud.google.com/firestore/docs/best-practices */
export const documentWritesPerSecond = 1
export const growingFieldWritesPerSecond = 500

/**
 * Pub/Sub, bytes a second and region: https://cloud.google.com/pubsub/quotas, the defaults of a large region (us-central1).
 * Quotas can be raised on request.
 */
export const publishBytesPerSecond = 4e9
export const pushBytesPerSecond = 140e6

/** Eventarc: https://cloud.google.com/eventarc/quotas */
export const eventarcMessageBytes = 512 * 1024
