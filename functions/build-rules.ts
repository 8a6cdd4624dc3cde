// Writes firestore.rules as the policy has them; functions/policy.test.ts compares.
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { firestoreRules } from '@infinity-matrix/core/access'

await writeFile(join(import.meta.dirname, '../firestore.rules'), firestoreRules())
