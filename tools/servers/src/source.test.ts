import { describe, expect, test } from 'vitest'
import type { Docker } from './container.ts'
import type { ContainerRecipe, RunningServer, ServerKind } from './server.ts'
import { startFrom } from './source.ts'

const running = (url: string): RunningServer => ({
  url,
  crash: () => Promise.resolve(),
  restart: () => Promise.resolve(),
  stop: () => Promise.resolve(),
})

const kind = (start: () => Promise<RunningServer>): ServerKind => ({
  name: 'thing',
  variable: 'THING_URL',
  remedy: 'install thing 3',
  container: { image: 'thing:3', port: 1, ready: /up/, url: (host, port) => `thing://${host}:${port}` },
  start,
})

const docker = (answers: boolean, start: Docker['start'] = ({ url }) => Promise.resolve(running(url('host', 9)))) => {
  const started: ContainerRecipe[] = []
  const seam: Docker = {
    answers: () => Promise.resolve(answers),
    start: (recipe) => {
      started.push(recipe)
      return start(recipe)
    },
  }
  return { seam, started }
}

const cannot = () => Promise.reject(new Error('thing is missing: install thing 3\nlong output'))

describe('a server', () => {
  test('of its own programs needs no Docker', async () => {
    const { seam, started } = docker(true)
    const server = await startFrom(
      kind(() => Promise.resolve(running('thing://own'))),
      { docker: seam },
    )
    expect(server.url).toBe('thing://own')
    expect(started).toEqual([])
  })

  test('that cannot be had comes from its image where Docker answers', async () => {
    const { seam, started } = docker(true)
    expect((await startFrom(kind(cannot), { docker: seam })).url).toBe('thing://host:9')
    expect(started.map(({ image }) => image)).toEqual(['thing:3'])
  })

  test('that cannot be had at all is an error of one line with the remedy once', async () => {
    await expect(startFrom(kind(cannot), { docker: docker(false).seam })).rejects.toThrow(
      /^thing cannot be had: thing is missing: install thing 3, or set THING_URL to one that runs$/,
    )
  })

  test('whose error does not say what to do gets the remedy and the variable', async () => {
    const broken = () => Promise.reject(new Error('it did not start'))
    await expect(startFrom(kind(broken), { docker: docker(false).seam })).rejects.toThrow(
      /^thing cannot be had: it did not start: install thing 3, or set THING_URL to one that runs$/,
    )
  })

  test('whose image cannot be had either says so', async () => {
    const { seam } = docker(true, () => Promise.reject(new Error('no such image')))
    await expect(startFrom(kind(cannot), { docker: seam })).rejects.toThrow(
      /^thing cannot be had: no such image: install thing 3, or set/,
    )
  })
})
