import { createHash, createPublicKey, verify as verifyWithNode } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Sha256 } from '../shared/merkle/index.ts'
import { formatVerifierKey, parseVerifierKey } from './key.ts'
import { formatNote, parseNote, noteSignaturesMax } from './note.ts'
import { signaturesOf, type VerifySignature } from './sign.ts'

const sha256: Sha256 = (bytes) => createHash('sha256').update(bytes).digest()

// The example of golang.org/x/mod/sumdb/note: a key and a note that Go's implementation made.
const goKey = 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'
const goNote = `If you think cryptography is the answer to your problem,
then you don't know what your problem is.

— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=
`
// Of the tests of github.com/transparency-dev/formats: a witness's key, and one whose base64 has a plus.
const witnessKey = 'remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2'
const plusKey = 'TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6'

const verify: VerifySignature = (_, publicKey, message, signature) => {
  const x = Buffer.from(publicKey).toString('base64url')
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' })
  return verifyWithNode(null, message, key, signature)
}

describe('a note', () => {
  it('of another implementation is read, written again and verified', () => {
    const note = parseNote(goNote)
    expect(note.signatures).toMatchObject([{ name: 'PeterNeumann', keyId: 0xc74f20a3 }])
    expect(formatNote(note)).toBe(goNote)
    const key = parseVerifierKey(sha256, goKey)
    expect(signaturesOf(verify, note, [key])).toEqual([{ key, timeSeconds: null }])
    expect(signaturesOf(verify, note, [])).toEqual([])
    expect(() => signaturesOf(verify, { ...note, text: note.text.replace('your', 'our') }, [key])).toThrow(
      'signature of PeterNeumann (ed25519): is not by that key',
    )
  })

  it.each([
    ['no empty line', 'a\n— n AAAAAAA=\n', 'note: has no empty line'],
    ['no signature', 'a\n\n', 'line 3: a note has at least one signature'],
    ['no last newline', 'a\n\n— n AAAAAAA=', 'line 3: does not end with a newline'],
    ['a carriage return', 'a\r\n\n— n AAAAAAA=\n', 'line 1: holds a control character'],
    ['a tab', 'a\n\n— n\tAAAAAAA=\n', 'line 3: holds a control character'],
    ['a hyphen for a dash', 'a\n\n- n AAAAAAA=\n', 'line 3: a signature is a dash'],
    ['two spaces', 'a\n\n—  n AAAAAAA=\n', 'line 3: a signature is a dash'],
    ['text after a signature', 'a\n\n— n AAAAAAA= \n', 'line 3: a signature is a dash'],
    ['no name', 'a\n\n—  AAAAAAA=\n', 'line 3: the name of a key'],
    ['a plus in the name', 'a\n\n— n+m AAAAAAA=\n', 'line 3: the name of a key'],
    ['a wide space in the name', 'a\n\n— n\u2003m AAAAAAA=\n', 'line 3: the name of a key'],
    ['base64 with bits left over', 'a\n\n— n AAAAAAB=\n', 'line 3: the signature is not base64'],
    ['base64 without padding', 'a\n\n— n AAAAAAA\n', 'line 3: the signature is not base64'],
    ['base64 for URLs', 'a\n\n— n AAAA_AA=\n', 'line 3: the signature is not base64'],
    ['a key id and nothing else', 'a\n\n— n AAAAAA==\n', 'line 3: 4 bytes are too few'],
    ['a signature twice', 'a\n\n— n AAAAAAA=\n— n AAAAAAE=\n', "line 4: is a second signature by n's same key"],
    ['half a character', 'a\ud800\n\n— n AAAAAAA=\n', 'note: is not UTF-8'],
  ])('with %s is refused', (_, note, fault) => expect(() => parseNote(note)).toThrow(fault))

  it('has bounds', () => {
    const lines = (count: number) => Array.from({ length: count }, (_, index) => `— n${index} AAAAAAA=\n`).join('')
    expect(parseNote(`a\n\n${lines(noteSignaturesMax)}`).signatures).toHaveLength(noteSignaturesMax)
    expect(() => parseNote(`a\n\n${lines(noteSignaturesMax + 1)}`)).toThrow('has 65 signatures, at most 64 are read')
    expect(() => parseNote(`${'a'.repeat(2 ** 18)}\n\n${lines(1)}`)).toThrow('at most 262144 are read')
    expect(() => formatNote({ text: 'a', signatures: [{ name: 'n', keyId: 0, bytes: Uint8Array.of(0) }] })).toThrow(
      'note: ',
    )
  })

  it('keeps its text, empty lines and all', () => {
    fc.assert(
      fc.property(
        fc.array(fc.stringMatching(/^[a-z é—]*$/u), { minLength: 1 }),
        fc.uint8Array({ minLength: 1, maxLength: 80 }),
        fc.nat(2 ** 32 - 1),
        (lines, bytes, keyId) => {
          const note = { text: `${lines.join('\n')}\n`, signatures: [{ name: 'a.example/é', keyId, bytes }] }
          expect(parseNote(formatNote(note))).toEqual(note)
        },
      ),
    )
  })
})

describe('a public key', () => {
  it.each([goKey, witnessKey, plusKey])('is read and written: %s', (text) => {
    expect(formatVerifierKey(parseVerifierKey(sha256, text))).toBe(text)
  })

  it('is refused in any other form', () => {
    for (let from = 0; from < goKey.length; from++)
      for (let to = from + 1; to <= goKey.length; to++)
        if (to - from < goKey.length) expect(() => parseVerifierKey(sha256, goKey.slice(from, to))).toThrow('key: ')
    expect(() => parseVerifierKey(sha256, goKey.replace('c7', 'C7'))).toThrow('C74f20a3 is not the id of this key')
    expect(() => parseVerifierKey(sha256, goKey.replace('c7', 'c8'))).toThrow('c84f20a3 is not the id of this key')
    expect(() => parseVerifierKey(sha256, 'a+00000000+Ag==')).toThrow('no kind of signature is known by the byte 2')
    expect(() => parseVerifierKey(sha256, 'a+00000000+')).toThrow('the byte that is missing')
    expect(() => parseVerifierKey(sha256, 'a+00000000+AQ==')).toThrow('has 32 bytes, and not 0')
    expect(() => parseVerifierKey(sha256, `${'n'.repeat(256)}+00000000+AQ==`)).toThrow('has 1 to 255 bytes')
  })
})
