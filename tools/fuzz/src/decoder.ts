import type { Arbitrary } from 'fast-check'

/** The exports of a file `<name>.decoder.ts`: the inputs that may come from outside, and the check that must hold for each. */
export interface Decoder<Input = unknown> {
  /** Inputs of all kinds, mostly close to a right one. */
  readonly inputs: Arbitrary<Input>
  /** Decodes the input. Throws or rejects where the decoder does not keep what it promises. */
  readonly check: (input: Input) => Promise<void> | void
}
