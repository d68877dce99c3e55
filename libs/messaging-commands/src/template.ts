import { randomUUID } from 'node:crypto'

/** The values for the places of a template: `{n}` the number, `{uuid}` a new one, `{now}` the time in ISO 8601. */
export interface Filling {
  /** From 1. */
  readonly n: number
  readonly nowMs: number
}

/** The text with its places filled. Any other brace stays as it is. */
export const filled = (template: string, { n, nowMs }: Filling): string =>
  template.includes('{')
    ? template
        .replaceAll('{n}', () => String(n))
        .replaceAll('{uuid}', () => randomUUID())
        .replaceAll('{now}', () => new Date(nowMs).toISOString())
    : template
