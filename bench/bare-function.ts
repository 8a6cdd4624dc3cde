// What a function under the functions framework can answer at most: it does nothing.
interface Answer {
  status: (status: number) => Answer
  json: (body: object) => void
}

export const bare = (_request: unknown, response: Answer): void =>
  response.status(202).json({ accepted: 1, refused: 0, results: [{ status: 'accepted', id: 'none' }] })
