#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/open-registrar'
import { run } from '@armature/service/run'
import { commands } from './commands.ts'
import { settings } from './config.ts'
import { alertMonitor } from './service.ts'

await run({ name: 'alert-monitor', settings, service: alertMonitor, commands: commands(), kv: consulKv, registerAdmin })
