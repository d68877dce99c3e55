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
  {
    promise: 'A generator that fails in the end puts the links back',
    file: 'tools/scaffold/src/links.ts',
    find: '    for (const step of undo.reverse()) step()\n',
    replace: '',
    tests: ['tools/scaffold/test/generator.test.ts'],
  },
  {
    promise: 'A new platform stays where git cannot commit',
    file: 'tools/scaffold/src/create/make-platform.ts',
    find: '    signal.throwIfAborted()\n',
    replace: '    throw error\n',
    tests: ['tools/scaffold/src/create/make-platform.test.ts'],
  },
  {
    promise: 'A new platform that is interrupted while git commits is not kept',
    file: 'tools/scaffold/src/create/make-platform.ts',
    find: '    signal.throwIfAborted()\n',
    replace: '',
    tests: ['tools/scaffold/src/create/make-platform.test.ts'],
  },
  {
    promise: 'A file that git does not track is not packed with the template',
    file: 'tools/scaffold/src/create/template-paths.ts',
    find: "'--cached'",
    replace: "'--cached', '--others'",
    tests: ['tools/scaffold/src/create/template-paths.test.ts'],
  },
]
