import type { DeadLetterDetail, DeadLetterGroups, DeadLetterSummary } from '@infinity-matrix/contracts'
import colors from 'picocolors'
import { tableOf } from '../table.ts'

const reasonOf = ({ code, field, rule }: Pick<DeadLetterSummary, 'code' | 'field' | 'rule'>) =>
  `${code}: ${field === '' ? '' : `${field} `}${rule}`

export const lettersTable = (letters: readonly DeadLetterSummary[]): string =>
  tableOf(
    ['id', 'died', 'topic', 'subject', 'reason', 'is', 'attempts'],
    6,
    letters.map((letter) => [
      letter.id,
      letter.deadAt,
      letter.topic,
      letter.subject ?? '',
      reasonOf(letter),
      letter.life.status,
      letter.attempts,
    ]),
  )

export const groupsTable = ({ groups }: DeadLetterGroups): string =>
  tableOf(
    ['topic', 'reason', 'the youngest', 'says', 'letters', 'open'],
    4,
    groups.map(({ topic, code, letters, open, youngest }) => [
      topic,
      code,
      youngest?.id ?? '',
      youngest ? `${youngest.field} ${youngest.rule}` : '',
      letters,
      open,
    ]),
  )

/** A letter in full: what is wrong, and the line of its text where that shows. */
export const letterText = (letter: DeadLetterDetail): string => {
  const { original, position, life, attempts } = letter
  const attributes = Object.entries(letter.attributes).map(([name, value]) => `  ${name}: ${value}`)
  const line = position && original.text?.split('\n')[position.line - 1]
  const pointer = position && line ? pointerTo(line, position.column) : []
  return [
    `${colors.bold(letter.id)} on ${letter.topic}, ${life.status}, published again ${attempts} times`,
    colors.red(reasonOf(letter)),
    ...(position ? [`at line ${position.line}, column ${position.column}`] : []),
    ...pointer,
    `published ${letter.publishedAt}, died ${letter.deadAt}`,
    ...(attributes.length === 0 ? [] : ['attributes', ...attributes]),
    `${original.size} bytes${original.text === null ? ', not UTF-8, in base64' : ''}`,
    original.text ?? original.base64,
    ...(letter.correction ? [`corrected, ${letter.correction.size} bytes`, letter.correction.text ?? ''] : []),
  ].join('\n')
}

const shownBefore = 40
const shownAfter = 60

/** A part of a line around a column, and below it a mark under that column. */
const pointerTo = (line: string, column: number): string[] => {
  const from = Math.max(0, column - 1 - shownBefore)
  return [line.slice(from, column - 1 + shownAfter), `${' '.repeat(column - 1 - from)}${colors.red('^')}`]
}
