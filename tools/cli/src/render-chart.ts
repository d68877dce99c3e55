import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { text as textOf } from 'node:stream/consumers'
import type { Readable } from 'node:stream'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'

export interface ChartOptions {
  readonly chart: string
  readonly release: string
  readonly namespace: string
  readonly values: readonly string[]
  /** That of the cluster, such as `v1.34.4`: helm renders for a version of its own otherwise. */
  readonly kubeVersion: string
  readonly signal: AbortSignal
}

const maxOutputBytes = 64 * 2 ** 20

/**
 * What `helm template` makes of the chart, with its hooks. Undefined when helm is not on PATH. Rejects with ServiceError (78) and helm's
 * words for values that the chart refuses.
 */
export const renderChart = (options: ChartOptions): Promise<string | undefined> => {
  const { chart, release, namespace, values, kubeVersion, signal } = options
  // All APIs count as there: whether they are is a check of its own.
  const flags = ['--namespace', namespace, '--kube-version', kubeVersion]
  const args = ['template', release, chart, ...flags, ...values.flatMap((file) => ['--values', file])]
  return new Promise((resolve, reject) => {
    execFile('helm', args, { maxBuffer: maxOutputBytes, signal }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else if (error.code === 'ENOENT') resolve(undefined)
      else if (signal.aborted)
        reject(new ServiceError('helm template did not end in time', { exitCode: exitCodes.unavailable }))
      else {
        const said = reasonIn(stderr)
        reject(
          new ServiceError(`the chart ${chart} cannot be rendered: ${said}`, {
            exitCode: exitCodes.config,
            fix: 'Correct the values that it names',
          }),
        )
      }
    })
  })
}

const maxReasonLength = 2_000

/** Without what helm remarks on each symbolic link of a chart. */
const reasonIn = (stderr: string): string =>
  stderr
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '' && !line.startsWith('walk.go:'))
    .join('; ')
    .slice(0, maxReasonLength)

/** The manifests in a file, or those on stdin for `-`. Rejects with ServiceError (64) for a file that cannot be read. */
export const readManifests = async (path: string, stdin: Readable): Promise<string> => {
  if (path === '-') return textOf(stdin)
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new ServiceError(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code ?? 'failed'}`, {
      exitCode: exitCodes.usage,
      fix: 'Name another file by --manifests',
    })
  }
}
