/** One thing that is wrong with the configuration. It never holds the value of a secret. */
export interface Fault {
  /** The setting, or what was taken for one. */
  readonly key: string
  /** `flag --grpc-port`, `env GRPC_PORT`, `env GRPC_PORT_FILE`, `KV grpcPort`, `file PATH`, `argument 1`, or `unset`. */
  readonly source: string
  readonly problem: string
  readonly fix: string
}

/** EX_USAGE of sysexits: the command line is wrong. */
const usage = 64
/** EX_CONFIG of sysexits: something else in the configuration is wrong. */
const configuration = 78

/** One line: the key, its source, the problem, the fix. */
export const describeFault = ({ key, source, problem, fix }: Fault): string =>
  `${key} (${source}): ${problem}. Fix: ${fix}${fix.endsWith('?') ? '' : '.'}`

/** Everything that is wrong with the configuration, in one error. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly faults: readonly Fault[]
  /** 64 when any fault lies on the command line, else 78. */
  readonly exitCode: number
  /** Which layer holds what, as `Loaded.explain`: what a user asks for in the face of a fault. */
  readonly explain: (key?: string) => string

  constructor(name: string, faults: readonly Fault[], explain: (key?: string) => string) {
    const lines = faults.map((fault) => `  ${describeFault(fault)}`)
    super(
      `${name}: ${faults.length === 1 ? '1 fault' : `${faults.length} faults`} in the configuration\n${lines.join('\n')}`,
    )
    this.faults = faults
    this.exitCode = faults.some(({ source }) => /^(flag|argument) /.test(source)) ? usage : configuration
    this.explain = explain
  }
}
