import type { Arbitrary } from 'fast-check'

/** What a file `<name>.decoder.ts` exports: what may come from outside, and what has to hold of it. */
export interface Decoder<Input = unknown> {
  /** Of all kinds, and mostly such as come close to what is right. */
  readonly inputs: Arbitrary<Input>
  /** Decodes the input. Throws or rejects where the decoder does not keep what it promises. */
  readonly check: (input: Input) => Promise<void> | void
}
