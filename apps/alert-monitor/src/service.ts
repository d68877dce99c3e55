import { readFile } from 'node:fs/promises'
import { systemClock, type Cancel, type Clock } from '@armature/messaging/clock'
import { deadLetter } from '@armature/messaging/dead-letter'
import { jsonMessage } from '@armature/messaging/message'
import { openDriver } from '@armature/messaging/open'
import type { Driver, Subscription } from '@armature/messaging/ports'
import { exitCodes } from '@armature/service/exit-codes'
import { ServiceError } from '@armature/service/faults'
import type { Service } from '@armature/service/service'
import { createLedger } from '@armature/telemetry/ledger'
import { openTelemetry, type Telemetry } from '@armature/telemetry/telemetry'
import { createAlertBook, type Notice } from './alerts.ts'
import type { Config } from './config.ts'
import { createEvaluation, type Evaluation } from './evaluation.ts'
import { openListener, type Listener } from './listener.ts'
import { createMonitor } from './monitor.ts'
import { createOutbox, type Outbox } from './outbox.ts'
import { defaultRules, parseRules, RulesError, type Rule } from './rules.ts'
import { steadyTime } from './steady-time.ts'

const name = 'alert-monitor'

/** What the monitor reaches the world by, apart from the UDP port that its settings name. */
export interface Edges {
  readonly telemetry: Telemetry
  readonly clock: Clock
  readonly openMessaging: () => Promise<Driver>
}

export const realEdges = (config: Config): Edges => ({
  telemetry: openTelemetry({ service: name, config }),
  clock: systemClock(),
  openMessaging: () => openDriver(config.messagingUrl),
})

export interface AlertMonitor extends Service {
  /** Where StatsD lines are listened for, over UDP. Throws before `start` resolved. */
  readonly statsdPort: number
  /** The alerts that fire now, the oldest first. */
  firing(): readonly Notice[]
}

interface Running {
  readonly driver: Driver
  readonly outbox: Outbox
  readonly evaluation: Evaluation
  readonly listener: Listener
  readonly subscription: Subscription | undefined
}

/** Judges samples by rules and publishes what it finds to `alerts.<name>`. */
export const alertMonitor = (config: Config, edges: Edges = realEdges(config)): AlertMonitor => {
}
