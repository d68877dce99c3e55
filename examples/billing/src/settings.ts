import { commonSettings, databaseSettings, messagingSettings } from '@armature/config/common'
import { consumerSettings } from '@armature/consumer/consumer-settings'
import * as z from 'zod'

export const settings = z.object({
  ...commonSettings,
  ...messagingSettings,
  ...databaseSettings,
  ...consumerSettings('billing'),
})
export type Config = Readonly<z.infer<typeof settings>>
