import Table from 'cli-table3'
import colors from 'picocolors'

const withoutRules = { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' }

/**
 * A table with a line for each row.
 *
 * @param numbersFrom the first column that holds numbers: from there on, columns are aligned to the right
 */
export const tableOf = (
  head: readonly string[],
  numbersFrom: number,
  rows: readonly (readonly (string | number)[])[],
): string => {
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, column) => (column < numbersFrom ? 'left' : 'right')),
    chars: withoutRules,
    style: colors.isColorSupported ? { head: ['bold'], border: ['dim'] } : { head: [], border: [] },
  })
  table.push(...rows.map((row) => [...row]))
  return table.toString()
}
