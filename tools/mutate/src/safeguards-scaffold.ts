import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A generator that fails in the end puts the files back',
    file: 'tools/scaffold/src/generator.ts',
    find: 'before.restore()',
    replace: '',
    tests: ['tools/scaffold/test/generator.test.ts'],
  },
  {
    promise: 'An update of a service keeps the edits of its team',
    file: 'tools/scaffold/src/update/merge-service.ts',
    find: "mergeText({ own, base: was ?? '', other: is })",
    replace: '({ text: is, conflicts: own.length * 0 })',
    tests: ['tools/scaffold/test/update.test.ts'],
  },
  {
    promise: 'A generator that merges or deletes refuses uncommitted changes',
    file: 'tools/scaffold/src/workspace.ts',
    find: "if (changes === '') return",
    replace: 'if (changes.length >= 0) return',
    tests: ['tools/scaffold/test/generator.test.ts'],
  },
]
