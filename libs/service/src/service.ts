import type { LedgerRow } from '@armature/telemetry/ledger'
import type { Telemetry } from '@armature/telemetry/telemetry'

/** One reason not to be ready: the name of the check and what it found. */
export interface NotReady {
  readonly check: string
  readonly reason: string
}

/**
 * The hooks that the lifecycle drives. `start` opens the edges and then the intake. The rest is the drain, called in the order below under
 * one deadline. A hook that a service has no use for is left out.
 */
export interface Service {
  readonly name: string
  /**
   * Its logger and metrics: `run` logs the lifecycle by it, serves its metrics at /metrics, and closes it after `close`, so
   * that the service itself never closes it. Without one `run` opens its own.
   */
  readonly telemetry?: Telemetry
  /**
   * Resolves when the service does its job. Rejects when it cannot; what it opened is then closed by `close`. `stopping` is
   * aborted when a stop is asked for, then or later: a start that still waits for something should give up and reject, and a
   * gRPC server given it answers NOT_SERVING from that moment.
   */
  start(stopping?: AbortSignal): Promise<void>
  /** Why the service is not ready, a name and a reason each; empty = ready. Asked only between `start` and the drain. */
  notReady?(): readonly NotReady[]
  /** The names of all checks that `notReady` may name: /readyz?verbose lists those that pass, too. */
  readonly checks?: readonly string[]
  /**
   * Takes a change of hot settings (`.meta({ hot: true })`), of these keys, while the service runs. The log level is set by `run`. A
   * service without settings of its own that are hot has no use for it.
   */
  reconfigure?(config: Readonly<Record<string, unknown>>, keys: readonly string[]): void
  /** Reads its files again. A service that has it is not stopped by SIGHUP, which asks for this. Must not throw. */
  reload?(): void
  /**
   * The actions that may be asked for by POST on the admin HTTP server, by path. Each does its work and returns a line for the operator.
   */
  readonly actions?: Readonly<Record<string, () => string>>
  /** Leaves discovery. */
  deregister?(): Promise<void>
  /** Takes nothing new. */
  stopIntake?(): Promise<void>
  /** Waits for what is in flight. */
  finish?(): Promise<void>
  /** Writes out what is buffered. */
  flush?(): Promise<void>
  /** Closes the edges; also called after a failed `start` and after an overrun deadline. Safe to call twice. */
  close(): Promise<void>
  /** Resolves when the service has no more to do (end of input): the lifecycle then drains and exits with this code. */
  readonly ended?: Promise<number>
  /** The books, a row a stage. */
  ledger(): readonly LedgerRow[]
  /** The addresses to print once started: `gRPC  127.0.0.1:PORT`. */
  addresses?(): readonly { label: string; address: string }[]
  /** The input that it waits for, and the setting that points it at a real one. It is printed once started. */
  readonly waitsFor?: string
}
