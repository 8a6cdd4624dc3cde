/**
 * Every Pub/Sub topic of the control plane (requirement EV1). A topic's name is a commitment: renaming deletes and creates.
 * `agents` publish to it, or only the `control-plane` does.
 */
export const topics = {
  stateChanges: { name: 'agent.state-changes', publishers: 'agents' },
  healthChecks: { name: 'system.health-checks', publishers: 'agents' },
  realtimeSync: { name: 'firebase.realtime-sync', publishers: 'control-plane' },
  githubWebhooks: { name: 'github.webhook-events', publishers: 'control-plane' },
  criticalErrors: { name: 'error.critical', publishers: 'control-plane' },
  analytics: { name: 'analytics.events', publishers: 'control-plane' },
} as const

export type Topic = (typeof topics)[keyof typeof topics]
export type TopicName = Topic['name']

/** Orders to sweepers, from the tick to the instances that follow them: no events, and nothing that is not made anew each minute. */
export const sweepsTopic = 'fleet.sweeps'

/** Wakes the sealer of the ledger. What is to be sealed stands in Firestore. */
export const sealTopic = 'ledger.appends'

/** Where what a topic's functions cannot accept goes, with its reason and its original bytes. */
export const deadLetterTopic = <Name extends TopicName>(topic: Name): `${Name}.dead` => `${topic}.dead`

/** Messages of every topic are kept this long, so that a subscription may be rewound over an outage. */
export const topicRetentionDays = 7

/** Eventarc hands a function at most this much; a message that is larger never reaches one. */
export const messageBytesMax = 512 * 1024
