import * as z from 'zod'

export const maxOwnerChars = 100
export const maxNoteChars = 1_024

/** Somebody works on an alert: until the claim expires its notices are not repeated, but its end is told. */
export const claimRecord = z.object({
  fingerprint: z.string().min(1).max(100),
  owner: z.string().min(1).max(maxOwnerChars),
  note: z.string().max(maxNoteChars),
  claimedAtMs: z.number(),
  expiresAtMs: z.number(),
})

export type Claim = Readonly<z.infer<typeof claimRecord>>

/** Whether the claim has not expired. */
export const holds = ({ expiresAtMs }: Claim, nowMs: number): boolean => expiresAtMs > nowMs
