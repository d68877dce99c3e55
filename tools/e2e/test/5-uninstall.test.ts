import { expect, test } from 'vitest'
import { execute } from '../src/execute.ts'
import { isKept, release, space } from '../src/world.ts'
import { until } from '../src/until.ts'

/** What a namespace has without anybody's doing, or only for a while. */
const ofTheNamespace = [
  /^configmap\/kube-root-ca\.crt$/,
  /^serviceaccount\/default$/,
  /^event/,
  /^endpoint/,
  /^lease/,
  /^podmetrics/,
]

test.skipIf(isKept)('helm uninstall leaves nothing but PersistentVolumeClaims', async () => {
  await space.helm(['uninstall', release, '--wait', '--timeout', '180s'])
  const kinds = await execute('kubectl', ['api-resources', '--namespaced', '--verbs=list', '--output=name'])
  const left = async () => {
    const args = ['get', kinds.trim().split('\n').join(','), '--output=name', '--ignore-not-found', '--show-kind']
    const names = (await space.kubectl(args))
      .trim()
      .split('\n')
      .filter((name) => name !== '')
    return names.filter(
      (name) => !ofTheNamespace.some((pattern) => pattern.test(name)) && !name.startsWith('persistentvolumeclaim/'),
    )
  }
  await until('all is gone', async () => (await left()).length === 0, 90_000).catch(() => undefined)
  expect(await left()).toEqual([])
})
