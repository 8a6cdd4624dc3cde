// US dollars, us-central1, list prices without free tiers, discounts or taxes, as published in September 2026.

const TiB = 2 ** 40
const GiB = 2 ** 30

/**
 * https://cloud.google.com/pubsub/pricing: message delivery $40/TiB, export to BigQuery or Cloud Storage $50/TiB; of every
 * publish, push or pull request at least 1,000 bytes count, and of a message its attributes, id and 20 bytes of time too.
 */
export const pubsub = {
  perByte: 40 / TiB,
  exportPerByte: 50 / TiB,
  requestBytesMin: 1000,
  messageIdBytes: 17,
  timestampBytes: 20,
}

/**
 * https://cloud.google.com/firestore/pricing, and https://cloud.google.com/firestore/enterprise/pricing: Standard counts
 * documents, Enterprise reads in units of 4 KiB and writes in units of 1 KiB. Storage per GiB and hour: $0.00020, $0.00032.
 */
export const firestore = {
  standard: { perRead: 0.3 / 1e6, perWrite: 0.9 / 1e6, perDelete: 0.1 / 1e6, perByteMonth: (0.0002 * 730) / GiB },
  enterprise: {
    perReadUnit: 0.05 / 1e6,
    readUnitBytes: 4096,
    perWriteUnit: 0.26 / 1e6,
    writeUnitBytes: 1024,
    perByteMonth: (0.00032 * 730) / GiB,
  },
}

/** https://cloud.google.com/run/pricing, request-based billing, tier 1: an instance counts while it has a request. */
export const functions = { perRequest: 0.4 / 1e6, perVcpuSecond: 0.000024, perGibSecond: 0.0000025 }

/** https://cloud.google.com/bigquery/pricing: active logical storage, $0.02 per GiB and month; ingestion is Pub/Sub's. */
export const bigquery = { perByteMonth: 0.02 / GiB }

export const secondsPerMonth = 730 * 3600
