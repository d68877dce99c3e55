#!/usr/bin/env node
import { run } from '@armature/consumer/run'
import { openDriver } from '@armature/messaging-drivers/open'
import { handlers } from './handlers.ts'
import { settings } from './settings.ts'

await run({ name: 'billing', settings, open: openDriver, handlers })
