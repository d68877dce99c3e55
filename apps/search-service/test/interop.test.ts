import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Database } from '@armature/database/database'
import { grpcurl, pythonGrpc } from '@armature/servers/clients'
import { execute } from '@armature/servers/execute'
import { serverDeadlineMs } from '@armature/servers/fixture'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAreas, type Running, startSearch } from './server.ts'

const deadlineMs = 60_000

let database: Database
let running: Running
let folder: string
beforeAll(async () => {
  database = await openAreas()
  running = await startSearch({ database })
  folder = mkdtempSync(join(tmpdir(), 'interop-test-'))
}, 120_000)
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true })
  await running.close()
  await database.close()
}, 30_000)

describe('grpcurl, by reflection alone,', () => {
  const ask = async (...args: readonly string[]) => execute(await grpcurl(), ['-plaintext', ...args], { deadlineMs })
  const call = async (method: string, message: object) =>
    JSON.parse(await ask('-d', JSON.stringify(message), running.service.address, method)) as unknown

  test('lists and describes both services', { timeout: serverDeadlineMs }, async () => {
    const { address } = running.service
    const services = (await ask(address, 'list')).trim().split('\n')
    expect(services).toEqual(expect.arrayContaining(['Search', 'armature.search.v1.SearchService']))
    expect(await ask(address, 'list', 'Search')).toBe('Search.monitor\nSearch.search\n')
    expect(await ask(address, 'describe', '.SearchRequest')).toContain('int32 result_per_page = 3;')
    expect(await ask(address, 'describe', 'armature.search.v1.Point')).toContain('double lat = 1;')
  })

  test('calls them and the health service', { timeout: serverDeadlineMs }, async () => {
    expect(await call('armature.search.v1.SearchService/Search', { point: { lat: 5, lng: 12 } })).toEqual({
      results: [{ id: '3', name: 'Area c', code: 'XC' }],
    })
    expect(await call('armature.search.v1.SearchService/Monitor', {})).toEqual({ nThings: '26' })
    expect(await call('Search/search', { lat: 5, lng: 12 })).toEqual({ responses: [{ response: 'Area c' }] })
    expect(await call('Search/monitor', {})).toEqual({ nThings: 26 })
    expect(await call('grpc.health.v1.Health/Check', {})).toEqual({ status: 'SERVING' })
    expect(await call('grpc.health.v1.Health/Check', { service: 'Search' })).toEqual({ status: 'SERVING' })
  })

  test('is told what is wrong', { timeout: serverDeadlineMs }, async () => {
    await expect(call('Search/search', { query: 'a', page_number: -1 })).rejects.toThrow(
      /InvalidArgument[^]*page_number: must be/,
    )
  })
})

/** The proto as clients of the older API have it; they do not take our changes. */
const olderProto = `
syntax = "proto3";
import "google/protobuf/empty.proto";
message SearchRequest {
  string query = 1;
  int32 page_number = 2;
  int32 result_per_page = 3;
  float lat = 4;
  float lng = 5;
}
message SearchResponses { repeated SearchResponse responses = 1; }
message SearchResponse { string response = 1; }
message MonitorResponse { int32 n_things = 1; }
service Search {
  rpc monitor(google.protobuf.Empty) returns (MonitorResponse);
  rpc search(SearchRequest) returns (SearchResponses);
}
`

const olderClient = `
import json, sys
import grpc
from google.protobuf.empty_pb2 import Empty
from search_pb2 import SearchRequest
from search_pb2_grpc import SearchStub

with grpc.insecure_channel(sys.argv[1]) as channel:
    stub = SearchStub(channel)

    def search(**fields):
        return [r.response for r in stub.search(SearchRequest(**fields), timeout=30).responses]

    def fault(**fields):
        try:
            return search(**fields)
        except grpc.RpcError as error:
            return [error.code().name, error.details()]

    print(json.dumps({
        "n_things": stub.monitor(Empty(), timeout=30).n_things,
        "point": search(lat=5, lng=12.5, query="placeholder"),
        "name": search(query="area z"),
        "pages": [len(search(query="area", page_number=page)) for page in range(4)],
        "fault": fault(query="area", page_number=-1),
    }))
`

test('a Python client of the older proto searches and monitors', { timeout: serverDeadlineMs }, async () => {
  const python = await pythonGrpc()
  writeFileSync(join(folder, 'search.proto'), olderProto)
  writeFileSync(join(folder, 'client.py'), olderClient)
  const generate = ['-m', 'grpc_tools.protoc', '-I.', '--python_out=.', '--grpc_python_out=.', 'search.proto']
  await execute(python, generate, { deadlineMs, cwd: folder })
  const answer = await execute(python, ['client.py', running.service.address], { deadlineMs, cwd: folder })
  expect(JSON.parse(answer)).toEqual({
    n_things: 26,
    point: ['Area c'],
    name: ['Area z'],
    pages: [10, 10, 6, 0],
    fault: ['INVALID_ARGUMENT', expect.stringMatching(/^page_number: must be from 0/)],
  })
})
