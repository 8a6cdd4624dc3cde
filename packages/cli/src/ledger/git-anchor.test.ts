import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyAnchor } from '@infinity-matrix/verifier'
import { afterEach, describe, expect, it } from 'vitest'
import { gitAnchorer, type GitPlace } from './git-anchor.ts'

const folders: string[] = []
const newFolder = () => {
  const folder = mkdtempSync(join(tmpdir(), 'git-anchor-'))
  folders.push(folder)
  return folder
}
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true })
})

const git = (cwd: string, ...args: string[]) => execFileSync('git', args, { cwd }).toString().trim()

const newRepository = () => {
  const repository = newFolder()
  git(repository, 'init', '-q')
  git(repository, 'config', 'user.name', 'keeper')
  git(repository, 'config', 'user.email', 'keeper@example.com')
  return repository
}

const checkpointOf = (size: number) =>
  `log.example/ledger\n${size}\n${'A'.repeat(43)}=\n\n— log.example/ledger AAAAAAA=\n`

/** It is done in one step. */
const anchorIn = (place: GitPlace) => async (published: string) => {
  const anchor = await gitAnchorer(place).advance(published, null, async () => undefined)
  if (!anchor) throw new Error('it is on its way')
  return anchor
}

describe('anchoring in git', () => {
  it('leaves each checkpoint in a commit that others get', async () => {
    const repository = newRepository()
    const bare = newFolder()
    git(bare, 'init', '-q', '--bare')
    const anchor = anchorIn({ repository, path: 'logs/ledger/checkpoint', remote: bare })
    for (const size of [3, 5]) {
      const anchored = await anchor(checkpointOf(size))
      expect(anchored).toMatchObject({ kind: 'git', checkpoint: checkpointOf(size) })
      const { id } = await verifyAnchor(anchored)
      expect(id).toBe(git(repository, 'rev-parse', 'HEAD'))
      expect(git(bare, 'show', `${id}:logs/ledger/checkpoint`)).toBe(checkpointOf(size).trim())
      expect(git(bare, 'log', '-1', '--format=%s', id)).toBe(`log.example/ledger at ${size} entries`)
    }
  })

  it('commits a checkpoint once, and nothing else that is staged', async () => {
    const repository = newRepository()
    const anchor = anchorIn({ repository, path: 'checkpoint' })
    const first = await verifyAnchor(await anchor(checkpointOf(3)))
    expect(await verifyAnchor(await anchor(checkpointOf(3)))).toEqual(first)
    execFileSync(
      'git',
      ['update-index', '--add', '--cacheinfo', `100644,${git(repository, 'rev-parse', 'HEAD:checkpoint')},other`],
      { cwd: repository },
    )
    await anchor(checkpointOf(5))
    expect(git(repository, 'ls-tree', '--name-only', 'HEAD')).toBe('checkpoint')
  })

  it('says what git says where it refuses', async () => {
    await expect(anchorIn({ repository: newFolder(), path: 'checkpoint' })(checkpointOf(3))).rejects.toThrow(
      'not a git repository',
    )
    const remote = join(newFolder(), 'none')
    const anchor = anchorIn({ repository: newRepository(), path: 'checkpoint', remote })
    await expect(anchor(checkpointOf(3))).rejects.toMatchObject({ code: 'not-anchored' })
  })
})
