import { type Environment, execute, onPath } from '@armature/servers/execute'

/** A program that builds images from a Dockerfile. */
export const engineNames = ['docker', 'buildah'] as const
export type EngineName = (typeof engineNames)[number]

/** One build, as both programs understand it. */
export interface Build {
  readonly dockerfile: string
  readonly context: string
  readonly args: Readonly<Record<string, string>>
  readonly labels: Readonly<Record<string, string>>
  readonly tag: string
  /** The time of the image and of all that is in it, in seconds since the epoch. */
  readonly epochSeconds: number
  /** Gets the id of the image. */
  readonly idFile: string
}

export interface Engine {
  readonly name: EngineName
  /** Builds the image and gives it its tag. Rejects with the last lines of the program. */
  build(build: Build): Promise<void>
  /** Writes an image to a file, as `docker load` and `ctr images import` take it. */
  save(image: string, file: string): Promise<void>
}

const answerDeadlineMs = 10_000
const buildDeadlineMs = 600_000

/**
 * The program that builds: Docker where its daemon answers, else buildah. Behind Podman's Docker API buildah comes first, since both keep one store of
 * images. Rejects with what to install where there is neither.
 */
export const findEngine = async (wanted?: EngineName, env: Environment = process.env): Promise<Engine> => {
  const buildah = await onPath(['buildah'], env)
  const daemon = await dockerDaemon(env)
  const isPodman = daemon !== undefined && /podman/i.test(daemon.components)
  if (daemon !== undefined && wanted !== 'buildah' && (wanted === 'docker' || !isPodman || buildah === undefined))
    return docker(daemon.program, env)
  if (buildah !== undefined && wanted !== 'docker') return buildahAt(buildah, env)
  const missing = wanted ?? engineNames.join(' or ')
  throw new Error(`No image can be built here: install ${missing} (a Docker client needs a daemon that answers).`)
}

const dockerDaemon = async (env: Environment) => {
  const program = await onPath(['docker'], env)
  if (program === undefined) return undefined
  const components = await execute(program, ['version', '--format', '{{range .Server.Components}}{{.Name}} {{end}}'], {
    deadlineMs: answerDeadlineMs,
    env,
  }).catch(() => undefined)
  return components === undefined ? undefined : { program, components }
}

const flags = (name: string, values: Readonly<Record<string, string>>): string[] =>
  Object.entries(values).map(([key, value]) => `--${name}=${key}=${value}`)

const common = ({ dockerfile, args, labels, tag, idFile }: Build): string[] => [
  ...[`--file=${dockerfile}`, `--tag=${tag}`, `--iidfile=${idFile}`],
  ...flags('build-arg', args),
  ...flags('label', labels),
]

const docker = (program: string, env: Environment): Engine => ({
  name: 'docker',
  build: async (build) => {
    // BuildKit takes the time from that argument. An attestation would have a time of its own.
    const epoch = `--build-arg=SOURCE_DATE_EPOCH=${build.epochSeconds}`
    await execute(program, ['build', ...common(build), epoch, build.context], {
      deadlineMs: buildDeadlineMs,
      env: { ...env, BUILDX_NO_DEFAULT_ATTESTATIONS: '1' },
    })
  },
  save: async (image, file) => {
    await execute(program, ['image', 'save', `--output=${file}`, image], { deadlineMs: buildDeadlineMs, env })
  },
})

const buildahAt = (program: string, env: Environment): Engine => ({
  name: 'buildah',
  build: async (build) => {
    // Without RUN there is nothing to isolate, and chroot is what works everywhere.
    const own = ['--isolation=chroot', '--identity-label=false', `--timestamp=${build.epochSeconds}`]
    await execute(program, ['bud', ...own, ...common(build), build.context], { deadlineMs: buildDeadlineMs, env })
  },
  save: async (image, file) => {
    const target = `docker-archive:${file}:${image}`
    await execute(program, ['push', '--quiet', image, target], { deadlineMs: buildDeadlineMs, env })
  },
})
