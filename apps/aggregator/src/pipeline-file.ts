import { type Finding, type Problem, readYaml } from '@armature/config/yaml-file'
import { type PipelineFile, pipelineFileSchema } from './pipeline-schema.ts'

export type ReadPipelines =
  | { readonly file: PipelineFile; readonly problems: readonly Problem[] }
  | { readonly file: undefined; readonly problems: readonly Problem[] }

/** Reads a file of pipelines (YAML 1.2). Never throws: all that is wrong is in `problems`, in the order of the lines. */
export const readPipelines = (source: string): ReadPipelines => {
  const inspect = (file: PipelineFile) => [...clashes(file), ...doubts(file)]
  const { value, problems } = readYaml(source, { schema: pipelineFileSchema, inspect })
  return { file: value, problems }
}

/** Pipelines that cannot both be in the file. */
const clashes = ({ pipelines }: PipelineFile): Finding[] =>
  pipelines.flatMap((pipeline, place) => {
    const earlier = pipelines.slice(0, place)
    const found = (key: string, text: string): Finding => ({ path: ['pipelines', place, key], text })
    if (earlier.some(({ name }) => name === pipeline.name)) return [found('name', 'is the name of an earlier pipeline')]
    const { group, messagingUrl } = pipeline.input
    const isTaken = (other: PipelineFile['pipelines'][number]) =>
      group !== undefined && other.input.group === group && other.input.messagingUrl === messagingUrl
    return earlier.some(isTaken)
      ? [found('input', 'has the group of an earlier pipeline: they would share messages')]
      : []
  })

/** Warnings: the file can be run, and may do what nobody expects. */
const doubts = ({ pipelines }: PipelineFile): Finding[] =>
  pipelines.flatMap(({ complete }, place) => {
    if (complete.periodMs !== undefined || complete.inactivityMs !== undefined) return []
    const text = 'has neither periodMs nor inactivityMs: a group may wait for ever, and its messages with it'
    return [{ path: ['pipelines', place, 'complete'], text, isWarning: true }]
  })
