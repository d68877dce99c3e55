import type { Tree } from '@nx/devkit'
import { generator } from '../generator.ts'
import { checkName } from '../names.ts'
import { Refusal } from '../refusal.ts'

/** The options of `rule`. */
export interface RuleOptions {
  readonly name: string
  readonly metric: string
  readonly type: 'threshold' | 'rate' | 'absence' | 'anomaly'
  readonly value?: number
  readonly severity?: 'info' | 'warning' | 'critical'
}

const laptop = 'apps/all-in-one/src/rules.json'
const cluster = 'helm/platform/values.yaml'

/** Adds a rule of the alert-monitor to the rules of `npm start` and to those of the umbrella chart. */
export const rule = generator<RuleOptions>((tree, options) => {
  const { name, metric } = options
  checkName(name)
  if (!/^[^\s:|@#'"\\{}]{1,256}$/.test(metric))
    throw new Refusal(
      `${JSON.stringify(metric)} is no name of a metric`,
      'Give --metric, such as orders_total or *search',
    )
  const places = [laptop, cluster].filter((path) => /"rules": \[/.test(tree.read(path, 'utf8') ?? ''))
  if (places.length === 0)
    throw new Refusal(`Neither ${laptop} nor ${cluster} has rules`, 'Write a file for --rules by hand')
  for (const path of places) addRule(tree, path, name, ruleOf(options))
  return {
    notes: places.includes(cluster) ? ['k8s/rendered shows the rules, too: npx nx test charts -- --update'] : [],
  }
})

/** The list may stand in a YAML text: the rule takes the indentation of its end. */
const addRule = (tree: Tree, path: string, name: string, added: object): void => {
  const text = tree.read(path, 'utf8') ?? ''
  if (new RegExp(`"name": "${name}"`).test(text))
    throw new Refusal(`${path} has the rule ${name} already`, 'Choose another name')
  const end = /\n( *)\}\n( *)\](\n *\})/.exec(text)
  if (end === null) throw new Refusal(`${path} has no list of rules that ends in ]`, 'Add the rule by hand')
  const [whole, indent = ''] = end
  const lines = JSON.stringify(added, null, 2)
    .split('\n')
    .map((line) => indent + line)
  const last = `\n${indent}}`
  tree.write(
    path,
    text.replace(whole, () => `${last},\n${lines.join('\n')}${whole.slice(last.length)}`),
  )
}

const ruleOf = ({ name, metric, type, value = 0, severity }: RuleOptions): object => {
  const head = { type, name, metric, ...(severity && { severity }) }
  switch (type) {
    case 'threshold':
      return { ...head, stat: 'p50', op: '>', value, forMs: 30_000, summary: `${metric} is {value}` }
    case 'rate':
      return { ...head, op: '>', value, summary: `${metric} rises by {value} a second` }
    case 'absence':
      return { ...head, forMs: 60_000, summary: `${metric} is missing` }
    case 'anomaly':
      return {
        ...head,
        minDeviation: value > 0 ? value : 1,
        summary: `${metric} is {value}, where {threshold} is out of the ordinary`,
      }
  }
}
