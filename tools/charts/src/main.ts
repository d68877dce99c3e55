import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { chartFiles, readCharts } from './chart-files.ts'
import { platformValuesPage } from './platform-values.ts'

// npm run tables: writes the charts of the apps, and the page of the umbrella chart's values.
const root = join(import.meta.dirname, '../../..')
for (const chart of await readCharts(root)) {
  for (const [path, text] of Object.entries(await chartFiles(chart))) {
    const place = join(root, 'helm', chart.facts.name, path)
    mkdirSync(dirname(place), { recursive: true })
    writeFileSync(place, text)
  }
}

const platform = join(root, 'helm/platform')
writeFileSync(
  join(platform, 'values.md'),
  await platformValuesPage(readFileSync(join(platform, 'values.yaml'), 'utf8')),
)
