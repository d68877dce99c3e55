import type { Tree } from '@nx/devkit'
import { Refusal } from '../refusal.ts'
import { chartBrokers } from './choices.ts'

const path = 'helm/platform/values.yaml'

/** Lets the umbrella chart install these brokers and no others. What used another one uses the first of them. */
export const keepBrokers = (tree: Tree, kept: readonly string[]): void => {
  let text = tree.read(path, 'utf8') ?? ''
  for (const broker of chartBrokers) {
    const isKept = kept.includes(broker)
    const mode = new RegExp(`(\\n {2}${broker}:\\n(?: {4}#.*\\n)* {4}mode: )(\\S+)`)
    const [, , before] = mode.exec(text) ?? []
    if (before === undefined) throw new Refusal(`${path} has no mode of ${broker}`, 'Write brokers by hand')
    if (isKept === (before === 'disabled')) text = text.replace(mode, `$1${isKept ? 'embedded' : 'disabled'}`)
    if (!isKept) text = text.replaceAll(`'{{ .Release.Name }}-${broker}'`, `'{{ .Release.Name }}-${kept[0]}'`)
  }
  if (text !== tree.read(path, 'utf8')) tree.write(path, text)
}
