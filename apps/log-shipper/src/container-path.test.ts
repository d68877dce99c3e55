import { describe, expect, test } from 'vitest'
import { containerOf } from './container-path.ts'

const id = 'a'.repeat(64)
const uid = '0a1b2c3d-0000-4000-8000-123456789abc'

describe('a path of Kubernetes', () => {
  test.each([
    [`/var/log/containers/web-7d4b9c-x2x4z_shop_nginx-${id}.log`, 'shop', 'web-7d4b9c-x2x4z', 'nginx'],
    [`/var/log/containers/web-0.a_kube-system_side-car-${id}.log`, 'kube-system', 'web-0.a', 'side-car'],
    [`/host/var/log/containers/a_b_c-${id}.log`, 'b', 'a', 'c'],
    [`/var/log/pods/shop_web-7d4b9c-x2x4z_${uid}/nginx/0.log`, 'shop', 'web-7d4b9c-x2x4z', 'nginx'],
    [`/var/log/pods/shop_web_${uid}/nginx/12.log.20260102-030405`, 'shop', 'web', 'nginx'],
    // A static pod has a hash of its manifest.
    [`/var/log/pods/kube-system_etcd-node-1_${'b'.repeat(32)}/etcd/0.log`, 'kube-system', 'etcd-node-1', 'etcd'],
  ])('%s', (path, namespace, pod, container) => {
    expect(containerOf(path)).toEqual({ namespace, pod, container })
  })
})

describe('another path', () => {
  test.each([
    '/var/log/app.log',
    `/var/log/containers/web_shop_nginx-${id.slice(1)}.log`,
    `/var/log/containers/web_shop-nginx-${id}.log`,
    `/var/log/containers/Web_shop_nginx-${id}.log`,
    `/var/log/containers/a/web_shop_nginx-${id}.log`,
    `/var/log/pods/shop_web_${uid}/nginx/a.log`,
    `/var/log/pods/shop_web/nginx/0.log`,
    `/var/log/pods/shop_web_${uid}/nginx/0.log.gz`,
  ])('%s', (path) => {
    expect(containerOf(path)).toBeUndefined()
  })
})
