import { createHash } from 'node:crypto'

/** The search that a token belongs to. It is only valid with the same point and query. */
export interface Asked {
  readonly point?: { readonly lat: number; readonly lng: number } | undefined
  readonly name?: string | undefined
}

/** The token of the page after the thing with this id. Opaque to clients. */
export const pageToken = (afterId: string, asked: Asked): string =>
  Buffer.from(`1:${afterId}:${digest(asked)}`).toString('base64url')

/** The id that the page starts after, or undefined when the token is not one of ours for what is asked. */
export const afterIdOf = (token: string, asked: Asked): string | undefined => {
  const [, afterId, of] = tokenPattern.exec(Buffer.from(token, 'base64url').toString('latin1')) ?? []
  return of === digest(asked) ? afterId : undefined
}

/** Ids are positive 64-bit integers. */
const tokenPattern = /^1:(\d{1,18}):([\w-]{11})$/

const digest = ({ point, name }: Asked): string =>
  createHash('sha256')
    .update(JSON.stringify([point?.lat, point?.lng, name]))
    .digest('base64url')
    .slice(0, 11)
