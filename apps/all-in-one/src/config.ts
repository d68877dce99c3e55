import * as z from 'zod'
import { commonSettings } from '@armature/config/common'
import { port, toggle } from '@armature/config/settings'

export const settings = z.object({
  ...commonSettings,
  logLevel: commonSettings.logLevel.default('warn'),
  grpcPort: port().default(0).meta({ description: 'Port of the search API over gRPC (0 = any free one)' }),
  pagePort: port().default(0).meta({ description: 'Port of the status page (0 = any free one)' }),
  prove: toggle().default(false).meta({ description: 'Run a bounded job, balance the books and exit: 0 if all holds' }),
})

export type Config = Readonly<z.infer<typeof settings>>
