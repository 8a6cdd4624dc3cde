/**
 * Fields whose class keeps them out of what leaves the control plane (`isExported`), by the schema that has them, and why they
 * are in it all the same. checks/data-classes compares with every schema there is.
 */
export const shownAllTheSame: Readonly<Record<string, string>> = {
  'AgentKeyFile.privateKey': 'kept by the agent alone',
  'AgentToken.token': 'given to the agent that asks for it',
  'AgentTokenRequest.signature': 'told to us by the agent',
  'ApiKeySecret.key': 'shown once, to whoever makes it',
  'SignInToken.customToken': 'given to who signs in',
  'SigningSecret.secret': 'shown to who may change the subscription, to verify deliveries with',
  'SigningSecrets.secrets.*.secret': 'the same',
  'SubscriptionDefinition.target.url': 'told to us by whoever makes it',
  'SubscriptionDocument.target.url': 'shown to who may change it, who told it; stored, and read by rules, it is sealed',
  'SubscriptionList.subscriptions.*.target.url': 'shown to who may change it, who told it',
  'SubscriptionTarget.url': 'told to us by whoever makes it',
}
