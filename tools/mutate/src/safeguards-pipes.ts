import type { Safeguard } from './safeguard.ts'

export const safeguards: readonly Safeguard[] = [
  {
    promise: 'A line with white space around it that JSON does not know is not sent as JSON',
    file: 'apps/log-shipper/src/json-object.ts',
    find: "Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8')",
    replace: "Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('utf8').trim()",
    tests: ['apps/log-shipper/src/json-object.test.ts', 'apps/log-shipper/test/service.test.ts'],
  },
  {
    promise: 'A line of JSON that a database refuses is not sent as JSON',
    file: 'apps/log-shipper/src/json-object.ts',
    find: '|| isPortable(text)',
    replace: '|| true',
    tests: ['apps/log-shipper/src/json-object.test.ts', 'apps/log-shipper/test/json-database.test.ts'],
  },
  {
    promise: 'A broker that is away at the start does not end the shipper: lines are spooled',
    file: 'apps/log-shipper/src/late-broker.ts',
    find: 'if (signal.aborted || !isAway(error)) throw error',
    replace: 'throw error',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
  {
    promise: 'A wrong URL or wrong credentials end the shipper and say so',
    file: 'apps/log-shipper/src/late-broker.ts',
    find: "error instanceof ConnectError && error.fault === 'unavailable'",
    replace: 'error instanceof ConnectError',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
  {
    promise: 'Lines that waited for a broker that was away at the start are published once',
    file: 'apps/log-shipper/src/delivery.ts',
    find: `    await untilAborted(signal, opened)
`,
    replace: '',
    tests: ['apps/log-shipper/test/broker.test.ts'],
  },
  {
    promise: 'A line counts as held only when the name of its file survives a power cut',
    file: 'apps/log-shipper/src/disk.ts',
    find: 'if (durable) await syncFolder(folder)',
    replace: 'if (durable) await Promise.resolve()',
    tests: ['apps/log-shipper/test/disk.test.ts'],
  },
  {
    promise: 'A line counts as held only when its bytes survive a power cut',
    file: 'apps/log-shipper/src/disk.ts',
    find: 'sync: () => handle.datasync()',
    replace: 'sync: async () => undefined',
    tests: ['apps/log-shipper/test/disk.test.ts'],
  },
  {
    promise: 'The spool syncs a line before it says that it holds it',
    file: 'apps/log-shipper/src/spool.ts',
    find: `    if (sync) await segment.file.sync()
`,
    replace: '',
    tests: ['apps/log-shipper/test/disk.test.ts', 'apps/log-shipper/src/spool-recovery.test.ts'],
  },
  {
    promise: 'Lines that an earlier run left count as held only when they survive a power cut',
    file: 'apps/log-shipper/src/spool-recovery.ts',
    find: `  if (sync) await Promise.all([...found.map(({ file }) => file.sync()), disk.sync()])
`,
    replace: '',
    tests: ['apps/log-shipper/test/disk.test.ts'],
  },
  {
    promise: 'A kill in the middle of a write of the cursor repeats no line that was settled',
    file: 'apps/log-shipper/src/disk.ts',
    find: 'const temporary = join(folder, `${name}.tmp`)',
    replace: 'const temporary = join(folder, name)',
    tests: ['apps/log-shipper/test/disk.test.ts'],
  },
  {
    promise: 'Only their owner can read the lines of the spool',
    file: 'apps/log-shipper/src/disk.ts',
    find: "'wx+', 0o600",
    replace: "'wx+', 0o666",
    tests: ['apps/log-shipper/test/disk.test.ts'],
  },
  {
    promise: 'Only their owner can look into the folder of the spool',
    file: 'apps/log-shipper/src/disk.ts',
    find: 'mode: 0o700',
    replace: 'mode: 0o755',
    tests: ['apps/log-shipper/test/disk.test.ts'],
  },
  {
    promise: 'A spool that is full can be closed at any moment',
    file: 'apps/log-shipper/src/spool.ts',
    find: `      failIfClosed()
      full = 'bound'
`,
    replace: `      full = 'bound'
`,
    tests: ['apps/log-shipper/src/spool.test.ts'],
  },
  {
    promise: 'The exit code of a child is passed on although something that it started holds its output',
    file: 'apps/log-shipper/src/child.ts',
    find: 'clock.after(outputWithinMs, () => letGo(0))',
    replace: 'clock.after(outputWithinMs, () => undefined)',
    tests: ['apps/log-shipper/test/process.test.ts'],
  },
  {
    promise: 'All that a child wrote is read before its output is closed',
    file: 'apps/log-shipper/src/child.ts',
    find: 'const isEmpty = child.stdout.readableLength === 0',
    replace: 'const isEmpty = true',
    tests: ['apps/log-shipper/test/child.test.ts'],
  },
  {
    promise: 'A child that may not be signalled is no crash',
    file: 'apps/log-shipper/src/child.ts',
    find: "child.on('error', (error) => {",
    replace: "child.once('spawn', (error: Error) => {",
    tests: ['apps/log-shipper/test/process.test.ts'],
  },
  {
    promise: 'A signal that comes while the command is being replaced does not end armature-env',
    file: 'tools/env/src/program.ts',
    find: "outcome === 'no child' ? endsWithoutCommand : endsReplacement",
    replace: 'endsWithoutCommand',
    tests: ['tools/env/test/signals.test.ts'],
  },
  {
    promise: 'A command that SIGTERM ended is not started again by a change',
    file: 'tools/env/src/supervisor.ts',
    find: '!stopping && !leaving ? next',
    replace: '!stopping ? next',
    tests: ['tools/env/test/signals.test.ts'],
  },
  {
    promise: 'armature-env finds the program by its own PATH, whatever KV holds',
    file: 'tools/env/src/supervisor.ts',
    find: 'spawn(found, args,',
    replace: 'spawn(program, args,',
    tests: ['tools/env/test/signals.test.ts'],
  },
  {
    promise: "An answer without Consul's index erases no setting and no instance",
    file: 'libs/discovery/src/consul-answers.ts',
    find: 'if (!isIndex || !isWhole)',
    replace: 'if (!isWhole)',
    tests: ['libs/discovery/test/foreign-answers.test.ts'],
  },
  {
    promise: "A page that a proxy answers in Consul's place erases no setting and no instance",
    file: 'libs/discovery/src/consul-answers.ts',
    find: 'if (!isIndex || !isWhole)',
    replace: 'if (!isIndex)',
    tests: ['libs/discovery/test/foreign-answers.test.ts'],
  },
  {
    promise: 'Answers that do not wait are asked for once a second, after a burst',
    file: 'libs/discovery/src/blocking-query.ts',
    find: 'Math.max(delayMs, allowedInMs())',
    replace: 'delayMs',
    tests: ['libs/discovery/src/blocking-query.test.ts'],
  },
  {
    promise: 'A power cut leaves the last good settings, old or new, never an empty file',
    file: 'libs/config/src/last-good.ts',
    find: ', flush: true',
    replace: '',
    tests: ['libs/config/test/last-good-disk.test.ts'],
  },
  {
    promise: 'The last good settings are those that were written last, also after a power cut',
    file: 'libs/config/src/last-good.ts',
    find: `        syncFolder(dirname(path))
`,
    replace: '',
    tests: ['libs/config/test/last-good-disk.test.ts'],
  },
]
