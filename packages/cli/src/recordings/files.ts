import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { RecordingError, runsOf, type RecordedRun } from './index.ts'

/** The recordings of a folder, at any depth, in the order of their names; a file stands for itself. */
const filesOf = async (path: string): Promise<string[]> => {
  const found = await stat(path).catch(() => undefined)
  if (!found) throw new RecordingError(`${path}: no such file or folder`)
  if (!found.isDirectory()) return [path]
  const entries = await readdir(path, { recursive: true })
  const files = entries.filter((entry) => /\.(?:json|traj)$/.test(entry))
  if (files.length === 0) throw new RecordingError(`${path}: has no .json or .traj file`)
  return files.sort().map((file) => join(path, file))
}

/**
 * Reads recorded runs from files and folders.
 *
 * @throws {RecordingError} naming the file, when one is not a recording or two stand for the same agent
 */
export const readRecordings = async (paths: readonly string[]): Promise<RecordedRun[]> => {
  const files = new Set((await Promise.all(paths.map(filesOf))).flat())
  const fileOfAgent = new Map<string, string>()
  const runs: RecordedRun[] = []
  for (const file of files) {
    for (const run of runsOf(file, await readFile(file, 'utf8'))) {
      const other = fileOfAgent.get(run.agentId)
      if (other !== undefined)
        throw new RecordingError(`${file}: holds agent ${run.agentId}, and so does ${other}; replay one of them`)
      fileOfAgent.set(run.agentId, file)
      runs.push(run)
    }
  }
  return runs
}
