import type { Arbitrary } from 'fast-check'

/** What a file `<name>.decoder.ts` exports: what may come from outside, and what has to hold of it. */
export interface Decoder<Input = unknown> {
  /** Inputs of all kinds, mostly close to a right one. */
  readonly inputs: Arbitrary<Input>
  /** Decodes the input. Throws or rejects where the decoder does not keep what it promises. */
  readonly check: (input: Input) => Promise<void> | void
}
