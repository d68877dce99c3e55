#!/usr/bin/env node
import cluster from 'node:cluster'
import { consulKv } from '@armature/discovery/consul-kv'
import { runWorker } from '@armature/service/grpc-worker'
import { run } from '@armature/service/run'
import { settings } from './config.ts'
import { moved } from './moved.ts'
import { searchServiceOf, searchWorker } from './workers.ts'

if (cluster.isWorker) await runWorker(searchWorker)
else await run({ name: 'search-service', settings, service: searchServiceOf, moved, kv: consulKv })
