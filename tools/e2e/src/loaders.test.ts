import { expect, test } from 'vitest'
import { loaderOf } from './loaders.ts'

const images = ['armature/reactor:0.1.0', 'armature/aggregator:0.1.0']

test.each([
  ['kind', [['kind', 'load', 'docker-image', ...images]]],
  ['k3d', [['k3d', 'image', 'import', ...images]]],
  ['minikube', images.map((image) => ['minikube', 'image', 'load', image])],
  ['none', []],
  ['./load.sh --quiet', [['./load.sh', '--quiet', ...images]]],
])('%s is run as its users do', (name, commands) => {
  expect(loaderOf(name)(images)).toEqual(commands)
})
