/** Whose fault an error of the database is: of a row, however often it is tried, or of the database, for now. */
export type Fault = 'row' | 'sink'

/**
 * The fault of each SQLSTATE class (https://www.postgresql.org/docs/current/errcodes-appendix.html). A class that is not here counts as a
 * fault of the sink. A row that goes on failing while the sink takes others is found by halving its batch.
 */
export const faultOfClass: ReadonlyMap<string, Fault> = new Map([
  ['08', 'sink'], // connection
  ['0A', 'sink'], // feature not supported
  ['22', 'row'], // data exception: NUL, number or date out of range, malformed JSON
  ['23', 'row'], // integrity constraint, of those that users add to the table
  ['25', 'sink'], // transaction state: a read-only replica
  ['28', 'sink'], // authorization
  ['3D', 'sink'], // the database does not exist
  ['40', 'sink'], // transaction rollback: serialization, deadlock
  ['42', 'sink'], // access rule, or the table is not as it should be
  ['44', 'row'], // WITH CHECK OPTION of a view
  ['53', 'sink'], // resources: disk full, memory, too many connections
  ['54', 'row'], // program limit: nested too deep, too long for an index
  ['55', 'sink'], // object not in the state: a lock that is not available
  ['57', 'sink'], // operator: shutdown, cancelled, timeout
  ['58', 'sink'], // system: input or output
  ['P0', 'sink'], // a trigger's own error: for one row or for all
  ['XX', 'sink'], // internal error
])

/** The columns of an event are never null: it is one that others put on the table, and no row has it. */
const notNull = '23502'

/** Whose fault this SQLSTATE of five characters is. */
export const faultOf = (sqlState: string): Fault =>
  sqlState === notNull ? 'sink' : (faultOfClass.get(sqlState.slice(0, 2)) ?? 'sink')

/** Faults of the database that pass, also where it takes other rows meanwhile: a row that needs more room, or waits for a lock, is not at fault. */
const outages = /^(?:25006|40|53|55P03)/

/** Whether the error passes, however often it comes: what fails by it is never condemned. */
export const isOutage = (sqlState: string): boolean => outages.test(sqlState)
