import type { Safeguard } from './safeguard.ts'

const breaks = ['tools/contract/src/breaks.test.ts']
const gaps = ['tools/contract/src/gaps.test.ts']

/** The safeguards of the contracts between services. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A change that breaks a consumer of the last release is found, which still runs during an update',
    file: 'tools/contract/src/breaks.ts',
    find: '...readingGaps(written, old, older), ',
    replace: '',
    tests: breaks,
  },
  {
    promise: 'A consumer that does not read the messages that wait in its topic since the last release is found',
    file: 'tools/contract/src/breaks.ts',
    find: ', ...readingGaps(old, written, waiting)',
    replace: '',
    tests: breaks,
  },
  {
    promise: 'An event that is published no longer, though others take it, is found',
    file: 'tools/contract/src/breaks.ts',
    find: 'event === undefined ? goneEvent(old) : changedEvent(old, event)',
    replace: 'event === undefined ? [] : changedEvent(old, event)',
    tests: breaks,
  },
  {
    promise: 'Schemas that cannot be compared count as a break',
    file: 'tools/contract/src/gaps.ts',
    find: 'if (odd.length > 0) return',
    replace: 'if (odd.length < 0) return',
    tests: gaps,
  },
  {
    promise: 'A member that a consumer requires must be in every message',
    file: 'tools/contract/src/gaps.ts',
    find: '!given.includes(name)',
    replace: 'given.length < 0 && name',
    tests: gaps,
  },
  {
    promise:
      'A new name that stands for something else already is refused, since the two could not be told apart afterwards',
    file: 'tools/scaffold/src/rename/renaming.ts',
    find: 'checkFree(texts, from, to)\n  const',
    replace: 'const',
    tests: ['tools/scaffold/src/rename/generator.test.ts'],
  },
  {
    promise: 'A rename brings back no file that the same run deletes',
    file: 'tools/scaffold/src/rename/renaming.ts',
    find: ' && !isDeleted(path))',
    replace: ')',
    tests: ['tools/scaffold/src/rename/generator.test.ts'],
  },
  {
    promise: 'A platform that cannot be made leaves nothing behind',
    file: 'tools/scaffold/src/create/make-platform.ts',
    find: '    rmSync(work, { recursive: true, force: true })\n',
    replace: '',
    tests: ['tools/scaffold/test/create.test.ts'],
  },
  {
    promise: 'No platform is made in a folder that is not empty',
    file: 'tools/scaffold/src/create/make-platform.ts',
    find: 'readdirSync(place).length > 0',
    replace: 'readdirSync(place).length < 0',
    tests: ['tools/scaffold/test/create.test.ts'],
  },
  {
    promise: 'A driver that no generator made is not removed',
    file: 'tools/scaffold/src/remove/driver.ts',
    find: '!tree.exists(driverRecord(folder))',
    replace: 'folder.length === 0',
    tests: ['tools/scaffold/test/driver.test.ts'],
  },
  {
    promise: 'A generator undoes nothing that was written while it ran',
    file: 'tools/scaffold/src/generator.ts',
    find: '    checkUntouched(tree, startedMs)\n',
    replace: '',
    tests: ['tools/scaffold/test/generator.test.ts'],
  },
]
