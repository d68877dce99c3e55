import type { Safeguard } from './safeguard.ts'

const nextRun = ['libs/file-tail/src/next-run.test.ts']
const rotation = ['libs/file-tail/src/rotation.test.ts']

/** The safeguards of files that are followed. */
export const safeguards: readonly Safeguard[] = [
  {
    promise:
      'Files: the position of a checkpoint is that of the lines that were committed, not of those that were read',
    file: 'libs/file-tail/src/followed-file.ts',
    find: 'const { id, path, target, key, born, held: mark, missingSinceMs, isReplaced, isFinished } = file',
    replace:
      'const { id, path, target, key, born, missingSinceMs, isReplaced, isFinished } = file\n  const mark = readMark(file)',
    tests: nextRun,
  },
  {
    promise: 'Files: an id is on the disk before any line that carries it is given',
    file: 'libs/file-tail/src/file-tail.ts',
    find: 'if (!file.isRecorded) await checkpoints.record(file, lines.bytes)',
    replace: '',
    tests: nextRun,
  },
  {
    promise: 'Files: lines are committed when the spool holds them, not before',
    file: 'apps/log-shipper/src/intake.ts',
    find: 'await hold(chunk.lines ?? joined(splitter.push(chunk.bytes)))',
    replace: 'chunk.held?.()\n      await hold(chunk.lines ?? joined(splitter.push(chunk.bytes)))',
    tests: ['apps/log-shipper/test/files.test.ts'],
  },
  {
    promise: 'Files: a line in parts is read again until it is held as a whole',
    file: 'apps/log-shipper/src/file-chunks.ts',
    find: 'const position = Math.min(lines.to, ...offsets)',
    replace: 'const position = lines.to',
    tests: ['apps/log-shipper/src/file-chunks.test.ts'],
  },
  {
    promise: 'Files: each write to the spool says whose lines they are',
    file: 'apps/log-shipper/src/origin.ts',
    find: '(isFirst ? 2 : 0)',
    replace: '(isFirst && index === 0 ? 2 : 0)',
    tests: ['apps/log-shipper/src/origin.test.ts'],
  },
  {
    promise: 'Files: whenever the process ends, the checkpoints are whole',
    file: 'libs/durable-files/src/replace-file.ts',
    find: 'const draft = `${path}.${randomUUID()}.tmp`',
    replace: 'await rm(path, { force: true })\n  const draft = path',
    tests: ['libs/durable-files/src/replace-file.test.ts'],
  },
  {
    promise: 'Files: checkpoints survive a power cut',
    file: 'libs/durable-files/src/replace-file.ts',
    find: 'if (durable) await handle.sync()',
    replace: '',
    tests: ['libs/file-tail/test/power-cut.test.ts'],
  },
  {
    promise: 'Files: the names of checkpoints survive a power cut',
    file: 'libs/durable-files/src/replace-file.ts',
    find: 'if (durable) await syncFolder(dirname(path))',
    replace: '',
    tests: ['libs/file-tail/test/power-cut.test.ts'],
  },
  {
    promise: 'Files: a file that was rotated or removed is read on before it is let go',
    file: 'libs/file-tail/src/turns.ts',
    find: '(missingSinceMs !== undefined && idleMs >= rotateWaitMs)',
    replace: 'missingSinceMs !== undefined',
    tests: rotation,
  },
  {
    promise: 'Files: other contents under a known inode are read from their beginning',
    file: 'libs/file-tail/src/file-reader.ts',
    find: '(await isMarked(options.handle, options.mark)) ? createFileReader(options) : undefined',
    replace: 'createFileReader(options)',
    tests: rotation,
  },
  {
    promise: 'Files: a file that was made again with the same lines is read again',
    file: 'libs/file-tail/src/file-registry.ts',
    find: ': path === file.path && deviceOf(key) !== deviceOf(file.key) &&',
    replace: ': path === file.path &&',
    tests: nextRun,
  },
  {
    promise: 'Files: a truncation is seen also when the file has grown again',
    file: 'libs/file-tail/src/next-lines.ts',
    find: 'return printOf(bytes.subarray(0, tail.bytes)).sha256 === tail.sha256 ?',
    replace: 'return tail.bytes >= 0 ?',
    tests: rotation,
  },
  {
    promise: 'Files: the copy that copytruncate makes is read on where its file was',
    file: 'libs/file-tail/src/file-opener.ts',
    find: 'if (match?.isOrphan === true) {',
    replace: 'if (match?.isOrphan === false) {',
    tests: rotation,
  },
  {
    promise: 'Files: one that was renamed while no process ran is found again',
    file: 'libs/file-tail/src/discovery.ts',
    find: '      await seekRenamed()\n',
    replace: '',
    tests: rotation,
  },
  {
    promise: 'Files: the lines of a rotated file come before the lines of the next one',
    file: 'libs/file-tail/src/turns.ts',
    find: 'if (mustWait(file)) {',
    replace: 'if (mustWait(file) && !follow) {',
    tests: rotation,
  },
]
