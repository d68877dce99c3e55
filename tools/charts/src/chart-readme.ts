import type { Chart } from './chart.ts'
import { configDefaults } from './config-values.ts'
import { configTable, valuesTable } from './values-table.ts'
import type { ValueNode } from './values-tree.ts'

/** The README of a chart. */
export const chartReadme = (chart: Chart, nodes: readonly ValueNode[]): string => {
  const { name, description } = chart.facts
  return `<!-- Written by npm run tables. -->

# ${name}

${description}. [apps/${name}](../../apps/${name}) says what it does, [helm](..) what all charts have in common.

\`\`\`sh
helm install ${name} helm/${name}${secretFlags(chart)}
\`\`\`
${needs(chart)}
## Values

${valuesTable(nodes)}

## Settings

A setting that the chart does not set has the default of the app. Texts are templates of Helm. Secret settings are in \`secrets\`.

${configTable(chart.settings.plain, configDefaults(chart))}
`
}

/** The flags that an install needs, with the first way where there are several. */
const secretFlags = ({ facts }: Chart): string =>
  facts.requiredSecrets
    .map(({ anyOf: [setting = ''] }) => ` --set secrets.${setting}.existingSecret=${secretName(setting)}`)
    .join('')

const secretName = (setting: string): string => setting.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)

const needs = ({ facts }: Chart): string =>
  facts.requiredSecrets
    .map(({ what, anyOf, unlessSetting }) => {
      const ways = anyOf.map((setting) => `\`secrets.${setting}.existingSecret\``).join(' or ')
      const instead = unlessSetting === undefined ? '' : `, unless \`config.${unlessSetting}\` is set`
      return `\nIt needs ${what}: set ${ways} to the name of a Secret${instead}.\n`
    })
    .join('')
