#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/registrar'
import { run } from '@armature/service/run'
import { commands } from './commands.ts'
import { type Config, settings } from './config.ts'
import { aggregator, realEdges } from './service.ts'

const service = (config: Config) => aggregator(config, realEdges(config))
await run({ name: 'aggregator', settings, service, commands: commands(), kv: consulKv, registerAdmin })
