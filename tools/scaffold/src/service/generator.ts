import { FsTree } from '@nx/devkit/internal'
import { generator } from '../generator.ts'
import { checkUnused } from '../names.ts'
import { writeRecord } from '../record.ts'
import { writeTables } from '../tables.ts'
import { descriptorPath } from './api-files.ts'
import { compileProto } from './compile-proto.ts'
import { addToDocuments } from './documents.ts'
import { type ServiceOptions, serviceSpec } from './spec.ts'
import { addToUmbrella } from './umbrella.ts'
import { templateFiles, writeService } from './write-service.ts'

/** Adds a service: an app in the shape of the others, its chart, and its entry in everything that lists services. */
export const service = generator<ServiceOptions>(async (tree, options) => {
  const spec = serviceSpec(options)
  const { name, api } = spec
  checkUnused(tree, name)
  const links = writeService(tree, spec)
  writeRecord(tree, options, await templateFiles(new FsTree(tree.root, false), spec))
  addToUmbrella(tree, spec)
  addToDocuments(tree, spec)
  if (api === 'grpc') await compileProto(tree, `apps/${name}`, descriptorPath(spec))
  await writeTables(tree)
  return { links, notes: [`Run it: npx nx serve ${name}. Test it: npx nx test ${name}.`] }
})
