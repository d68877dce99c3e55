#!/usr/bin/env node
import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { logShipper, realEdges } from './service.ts'

await run({
  name: 'log-shipper',
  settings,
  service: (config, _edges, given) => logShipper(config, realEdges(config, given)),
  rest: 'COMMAND...',
})
