import { text } from '@armature/config/settings'
import { durationMsOf, perSecondOf } from './duration.ts'

/** `250ms`, `10s`, `5m`, `2h`, `7d`. */
export const durationText = () =>
  text()
    .refine((value) => durationMsOf(value) !== undefined, { error: 'is not a duration' })
    .meta({ accepts: 'a duration such as 250ms, 10s, 5m, 2h or 7d' })

/** `100/s`, `30/m`. */
export const rateText = () =>
  text()
    .refine((value) => perSecondOf(value) !== undefined, { error: 'is not a rate' })
    .meta({ accepts: 'a rate such as 100/s or 30/m' })
