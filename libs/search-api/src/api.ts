import { readFileSync } from 'node:fs'
import { servicesOf } from '@armature/service/descriptor-set'
import type { ServiceDefinition } from '@grpc/grpc-js'

/** The protos in `../proto`, compiled: `npm run proto`. */
export const descriptorSet: Uint8Array = readFileSync(new URL('../proto/search.binpb', import.meta.url))

const definitionOf = (name: string): ServiceDefinition => {
  const definition = servicesOf(descriptorSet)[name]
  if (definition === undefined) throw new Error(`proto/search.binpb has no service ${name}: run npm run proto`)
  return definition
}

/** The API of today, package `armature.search.v1`. Messages are below, their fields named as in the proto; proto/armature/search/v1/search.proto says what they mean. */
export const searchServiceV1 = definitionOf('armature.search.v1.SearchService')

/** The older API, without a package. */
export const olderSearch = definitionOf('Search')

/** Degrees, WGS 84. */
export interface Point {
  readonly lat: number
  readonly lng: number
}

export interface SearchRequest {
  readonly point: Point | null
  readonly query: string
  readonly page_size: number
  readonly page_token: string
  readonly with_geometry: boolean
}

export interface SearchResult {
  /** A 64-bit integer. */
  readonly id: string
  readonly name: string
  readonly code: string
  /** GeoJSON; empty unless asked for. */
  readonly geometry: string
}

export interface SearchResponse {
  readonly results: readonly SearchResult[]
  readonly next_page_token: string
}

export interface MonitorResponse {
  /** A 64-bit integer. */
  readonly n_things: string
}

export interface OlderSearchRequest {
  readonly query: string
  readonly page_number: number
  readonly result_per_page: number
  readonly lat: number
  readonly lng: number
}

export interface OlderSearchResponses {
  readonly responses: readonly { readonly response: string }[]
}

export interface OlderMonitorResponse {
  readonly n_things: number
}
