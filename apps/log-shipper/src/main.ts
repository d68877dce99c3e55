#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/registrar'
import { run } from '@armature/service/run'
import { commands } from './commands.ts'
import { envPrefix, settings } from './config.ts'
import { realShipper as service } from './real-shipper.ts'

const consul = { kv: consulKv, registerAdmin, coldChanges: 'next start' } as const
await run({ name: 'log-shipper', settings, envPrefix, service, commands, rest: 'COMMAND...', ...consul })
