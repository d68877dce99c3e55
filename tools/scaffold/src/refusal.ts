/** A generator refuses its input or the state of the workspace. The message names the input, the reason and the fix. */
export class Refusal extends Error {
  override readonly name = 'Refusal'

  constructor(problem: string, fix: string) {
    super(`${problem}. ${fix}.`)
  }
}
