import { execute, type Environment, onPath } from './execute.ts'
import type { ContainerRecipe, RunningServer } from './server.ts'

const answerDeadlineMs = 10_000
const startDeadlineMs = 300_000

/** The calls of Docker that are used; tests replace them. */
export interface Docker {
  /** Whether a daemon answers. */
  answers(env: Environment): Promise<boolean>
  /** Starts a container of the recipe and resolves when it is ready. */
  start(recipe: ContainerRecipe): Promise<Pick<RunningServer, 'url' | 'variables' | 'stop'>>
}

/** Docker, asked by its command and the package testcontainers, which also removes what a killed process leaves. */
export const docker: Docker = {
  answers: async (env) => {
    const program = await onPath(['docker'], env)
    if (program === undefined) return false
    const asked = execute(program, ['version', '--format', '{{.Server.Version}}'], {
      deadlineMs: answerDeadlineMs,
      env,
    })
    return asked.then(
      () => true,
      () => false,
    )
  },
  start: async (recipe) => {
    const {
      image,
      port,
      furtherPorts = {},
      samePort = false,
      environment = {},
      command,
      ready,
      readyTimes,
      url,
    } = recipe
    const { GenericContainer, Wait } = await import('testcontainers')
    const container = new GenericContainer(image)
      .withExposedPorts(samePort ? { container: port, host: port } : port, ...Object.values(furtherPorts))
      .withEnvironment({ ...environment })
      .withWaitStrategy(Wait.forLogMessage(ready, readyTimes))
      .withStartupTimeout(startDeadlineMs)
    if (command !== undefined) container.withCommand([...command])
    const started = await container.start()
    const ports = Object.entries(furtherPorts).map(([name, inner]) => [name, String(started.getMappedPort(inner))])
    return {
      variables: Object.fromEntries(ports) as Record<string, string>,
      url: url(started.getHost(), started.getMappedPort(port)),
      stop: async () => void (await started.stop()),
    }
  },
}
