import { checkName } from '../names.ts'
import { Refusal } from '../refusal.ts'

/** Attributes of CloudEvents are short, and so are names in Kubernetes. */
const maxNameLength = 20
const scopeForm = /^@[a-z0-9][a-z0-9-]{0,38}$/

/** Throws unless the packages can have this scope, and all else this name. */
export const checkNames = (scope: string, name: string): void => {
  checkName(name)
  if (name.length > maxNameLength)
    throw new Refusal(`The name "${name}" has ${name.length} characters`, `Use at most ${maxNameLength}`)
  if (!scopeForm.test(scope))
    throw new Refusal(
      `The scope ${JSON.stringify(scope)} is no scope of npm`,
      'Use @ and at most 39 lower-case letters, digits and hyphens, such as @acme',
    )
}
