import type { Given } from '@armature/service/command'
import type { Service } from '@armature/service/service'
import type { Config } from './config.ts'
import { realEdges } from './edges.ts'
import { logShipper } from './service.ts'

/** The shipper of a process: with a broker, a disk and an input outside of it. */
export const realShipper = (config: Config, given: Given): Service => logShipper(config, realEdges(config, given))
