#!/usr/bin/env node
import { consulKv } from '@armature/discovery/consul-kv'
import { registerAdmin } from '@armature/discovery/open-registrar'
import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { aggregator } from './service.ts'

await run({ name: 'aggregator', settings, service: (config) => aggregator(config), kv: consulKv, registerAdmin })
