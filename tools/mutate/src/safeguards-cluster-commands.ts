import type { Safeguard } from './safeguard.ts'

const doctor = ['tools/cli/test/doctor.test.ts']
const smoke = ['tools/cli/test/smoke-test.test.ts']
const secrets = ['tools/cli/test/secrets.test.ts']

const copies = ['tools/cli/test/copy-secret.test.ts']

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A password from a Secret stands percent-encoded in a URL',
    file: 'tools/cli/src/copy-secret.ts',
    find: 'encodeURIComponent(valueOf(each))',
    replace: 'valueOf(each)',
    tests: copies,
  },
  {
    promise: 'A Secret is copied only when all that the copy needs is there',
    file: 'tools/cli/src/copy-secret.ts',
    find: 'if (missing.length > 0) {',
    replace: 'if (missing.length < 0) {',
    tests: copies,
  },
  {
    promise: 'A Secret that lacks a key is refused, not taken for complete',
    file: 'tools/cli/src/ensure-secret.ts',
    find: 'refuseMissing(store.place, keysOf(plan), found)',
    replace: '',
    tests: secrets,
  },
  {
    promise: 'Of several that make one Secret at once, those that come second take what is there',
    file: 'tools/cli/src/kube-secret.ts',
    find: 'const made = await unless(409, undefined, api.createNamespacedSecret({ namespace, body }))',
    replace: 'const made = await api.createNamespacedSecret({ namespace, body })',
    tests: secrets,
  },
  {
    promise: 'No value of a Secret is printed, also when an answer of the API server repeats it',
    file: 'tools/cli/src/kube-secret.ts',
    find: 'throw withoutValues(error, values)',
    replace: 'throw error',
    tests: secrets,
  },
  {
    promise: 'A command on a Secret tries again while the API server is away',
    file: 'tools/cli/src/patience.ts',
    find: 'if (fault?.transient !== true || signal.aborted) throw error',
    replace: 'throw error',
    tests: secrets,
  },
  {
    promise: 'A request to an API server that never answers ends at the limit of the command',
    file: 'tools/cli/src/kube.ts',
    find: 'request.setSignal(AbortSignal.any([signal, AbortSignal.timeout(requestTimeoutMs)]))',
    replace: '',
    tests: secrets,
  },
  {
    promise: 'A doctor that may not look says that it does not know, and goes on with the other checks',
    file: 'tools/cli/src/diagnose-cluster.ts',
    find: "if (check === 'version' || fault.status === 401) throw",
    replace: 'throw',
    tests: doctor,
  },
  {
    promise: 'Values whose Secret lacks a key are found before an installation',
    file: 'tools/cli/src/plan-checks.ts',
    find: 'if (found !== undefined && missing.length === 0) continue',
    replace: 'if (found !== undefined) continue',
    tests: doctor,
  },
  {
    promise: 'A smoke test takes no count for its own that is older than its search',
    file: 'tools/cli/src/graphite-counter.ts',
    find: '.filter(([, atS]) => atS + intervalS > sinceS)',
    replace: '',
    tests: [...smoke, 'tools/cli/src/graphite-counter.test.ts'],
  },
]
