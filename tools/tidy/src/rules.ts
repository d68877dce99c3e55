import { loadSafeguards } from '@armature/mutate/safeguards'
import { arrows } from './arrows.ts'
import { noCircles } from './circles.ts'
import { noClockWaits } from './clock-waits.ts'
import { compileSamples } from './compile.ts'
import { driverFiles, partsToCome, unneededParts } from './drivers.ts'
import { factoryNames } from './factories.ts'
import {
  flatSources,
  kebabCaseNames,
  noBarrels,
  projectShape,
  shortFiles,
  shortMain,
  testsBesideSources,
} from './files.ts'
import { shortFunctions } from './functions.ts'
import { declaredMetrics } from './metric-files.ts'
import { declaredDependencies, exactVersions, manifests } from './packages.ts'
import { type Rule } from './rule.ts'
import { samplesHold } from './samples.ts'
import { safeguardsStand } from './safeguards.ts'
import {
  allTestsRun,
  documentedFunctions,
  environmentInConfigOnly,
  erasableSyntax,
  importSpecifiers,
  noDefaultExports,
  noSleepInTests,
} from './syntax.ts'
import { tablesAreTrue } from './tables.ts'
import { noMachinePaths, noOpenEnds, noRegistryHosts } from './words.ts'
import { topicsInEvents } from './topics.ts'
import { graphArrows, metricFiles, tablesOf } from './workspace.ts'

/** Every rule of STYLE.md, in its order. */
export const rulesOf = (root: string): readonly Rule[] => [
  { title: 'Names of files and folders are in kebab-case', check: kebabCaseNames },
  { title: 'A file has at most 300 lines', check: shortFiles },
  { title: 'A function has at most 100 lines', check: shortFunctions },
  { title: 'The main.ts of an app has at most 10 lines', check: shortMain },
  { title: 'Projects of one kind have the same files', check: projectShape },
  { title: 'Driver libraries have the same files', check: driverFiles({ ...unneededParts, ...partsToCome }) },
  { title: 'The src of a library is flat', check: flatSources },
  { title: 'There are no index files', check: noBarrels },
  { title: 'A test stands beside its source or in test/', check: testsBesideSources },
  { title: 'Only configs have a default export', check: noDefaultExports },
  { title: 'Syntax can be erased', check: erasableSyntax },
  { title: 'Imports name files as they are', check: importSpecifiers },
  { title: 'Files import one way', check: noCircles },
  { title: 'Exported functions have a doc comment', check: documentedFunctions },
  { title: 'Factories are named open or create', check: factoryNames },
  { title: 'The environment is read in libs/config', check: environmentInConfigOnly },
  { title: 'Metrics are declared in files named for them', check: declaredMetrics(metricFiles(root)) },
  { title: 'Topics are declared in events.ts', check: topicsInEvents },
  { title: 'Every test runs', check: allTestsRun },
  { title: 'No test sleeps', check: (tree) => [...noSleepInTests(tree), ...noClockWaits(tree)] },
  { title: 'Safeguards stand', check: safeguardsStand(loadSafeguards) },
  { title: 'Texts have no open ends', check: noOpenEnds },
  { title: 'Texts have no path of one machine', check: noMachinePaths },
  { title: 'Texts have no registry host', check: noRegistryHosts },
  { title: 'Versions are exact', check: exactVersions },
  { title: 'A package.json follows from its folder', check: manifests },
  { title: 'A project declares what it imports', check: declaredDependencies },
  { title: 'Projects depend one way', check: arrows(graphArrows) },
  { title: 'Tables of settings and metrics follow from the code', check: tablesAreTrue(tablesOf(root)) },
  { title: 'Samples in documents compile', check: samplesHold(compileSamples(root)) },
]
