#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/registrar'
import { run } from '@armature/service/run'
import { commands, serveWords } from './commands.ts'
import { type Config, settings } from './config.ts'
import { reactor, realEdges } from './service.ts'

const service = (config: Config) => reactor(config, realEdges(config))
await run({ name: 'reactor', settings, service, serveWords, commands: commands(), kv: consulKv, registerAdmin })
