/** A definition that can be read but not used; the message says why, without a stop. */
export class DefinitionError extends Error {}

/** Data that does not fit its schema; the message says why, without a stop. */
export class DataError extends Error {}
