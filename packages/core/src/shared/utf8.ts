/** A text's bytes in UTF-8. For short texts: core has no TextEncoder. @throws URIError for a lone surrogate */
export const utf8 = (text: string): Uint8Array => {
  const escaped = encodeURIComponent(text)
  return Uint8Array.from(escaped.match(/%[0-9A-F]{2}|[^%]/g) ?? [], (character) =>
    character.length === 3 ? Number.parseInt(character.slice(1), 16) : character.charCodeAt(0),
  )
}
