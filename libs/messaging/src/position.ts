/** Where a message lies in its topic. */
export interface Position {
  readonly partition: number
  readonly offset: number
}
