import type { Collection } from '../names.ts'

/** What can be granted on a resource of each kind, https://cloud.google.com/pubsub/docs/access-control#permissions */
export const PERMISSIONS: Readonly<Record<Collection, ReadonlySet<string>>> = {
  topics: new Set(
    'attachSubscription delete detachSubscription get getIamPolicy publish setIamPolicy update updateTag'
      .split(' ')
      .map((verb) => `pubsub.topics.${verb}`),
  ),
  subscriptions: new Set(
    'consume delete get getIamPolicy setIamPolicy update'.split(' ').map((verb) => `pubsub.subscriptions.${verb}`),
  ),
  snapshots: new Set(
    'delete get getIamPolicy seek setIamPolicy update'.split(' ').map((verb) => `pubsub.snapshots.${verb}`),
  ),
  schemas: new Set(
    'attach commit delete get getIamPolicy listRevisions rollback setIamPolicy validate'
      .split(' ')
      .map((verb) => `pubsub.schemas.${verb}`),
  ),
}
