import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import * as z from 'zod'

/** Resident memory of one app in mebibytes. */
const memory = z.strictObject({
  /** Just after its start. */
  startMiB: z.number().positive(),
  /** The most that was seen under load. */
  loadMiB: z.number().positive(),
})

const file = z.strictObject({
  /** How it was measured, for readers. */
  measured: z.string(),
  apps: z.record(z.string(), memory),
})

export type MeasuredMemory = Readonly<z.infer<typeof memory>>

/** What a container gets above what was measured. */
const factor = 1.5
const stepMiB = 8

/** The memory that a container asks for, and its limit: what was measured at the start and under load, and half as much again. */
export const memoryOf = ({
  startMiB,
  loadMiB,
}: MeasuredMemory): { readonly request: string; readonly limit: string } => ({
  request: `${roundedUp(startMiB * factor)}Mi`,
  limit: `${roundedUp(Math.max(startMiB, loadMiB) * factor)}Mi`,
})

const roundedUp = (mebibytes: number): number => Math.ceil(mebibytes / stepMiB) * stepMiB

/** Reads `helm/memory.json`, where measurements of all apps are. */
export const readMeasuredMemory = (root: string): Readonly<Record<string, MeasuredMemory>> =>
  file.parse(JSON.parse(readFileSync(join(root, 'helm/memory.json'), 'utf8'))).apps
