import type { DocumentReference, Query, QueryDocumentSnapshot } from '@google-cloud/firestore'

const pageSize = 100

/** Every document of a query, in the order of names, of which a page is held at a time. */
export async function* each(query: Query): AsyncGenerator<QueryDocumentSnapshot> {
  const page = query.orderBy('__name__').limit(pageSize)
  for (let found = await page.get(); found.size > 0; found = await page.startAfter(found.docs.at(-1)).get())
    yield* found.docs
}

/** Deletes a document and all beneath it. @returns how many documents there were */
export const deleteWhole = async (document: DocumentReference): Promise<number> => {
  let deleted = 0
  for (const beneath of await document.listCollections())
    for (const child of await beneath.listDocuments()) deleted += await deleteWhole(child)
  if ((await document.get()).exists) deleted++
  await document.delete()
  return deleted
}
