#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/registrar'
import type { Given } from '@armature/service/command'
import { run } from '@armature/service/run'
import { commands } from './commands.ts'
import { type Config, settings } from './config.ts'
import { realEdges } from './edges.ts'
import { logShipper } from './service.ts'

const service = (config: Config, given: Given) => logShipper(config, realEdges(config, given))
const consul = { kv: consulKv, registerAdmin, coldChanges: 'next start' } as const
await run({ name: 'log-shipper', settings, service, commands, rest: 'COMMAND...', ...consul })
