/** The place of a message in its topic. */
export interface Position {
  readonly partition: number
  readonly offset: number
}
