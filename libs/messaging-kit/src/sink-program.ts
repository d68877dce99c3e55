import { join } from 'node:path'

/**
 * The arguments of a program that consumes in a process of its own, until it kills itself: see test/sink-process.ts. `open` is the exported
 * function of the module (a path) that opens the driver of the URL.
 */
export const sinkProgram = (module: string, open: string): readonly [script: string, module: string, open: string] => [
  join(import.meta.dirname, '../test/sink-process.ts'),
  module,
  open,
]
