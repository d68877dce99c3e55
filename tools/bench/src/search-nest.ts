/** The older search API as a service of NestJS and typeorm: `search-nest.ts DATABASE_URL`. Prints its port, serves until it is killed. */
import 'reflect-metadata'
import { createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { Controller, Module } from '@nestjs/common'
import { NestFactory } from '@nestjs/core'
import { GrpcMethod, Transport } from '@nestjs/microservices'
import { DataSource, EntitySchema } from 'typeorm'

interface Thing {
  readonly id: string
  readonly name: string
}

const entity = new EntitySchema<Thing>({
  name: 'thing',
  columns: { id: { type: 'bigint', primary: true }, name: { type: 'text' } },
})
const database = new DataSource({
  type: 'postgres',
  url: process.argv[2] ?? '',
  entities: [entity],
  extra: { max: 10 },
})
await database.initialize()
const things = database.getRepository(entity)

interface Request {
  readonly query: string
  readonly lat: number
  readonly lng: number
  readonly pageNumber: number
  readonly resultPerPage: number
}

class SearchController {
  async search({ query = '', lat = 0, lng = 0, pageNumber = 0, resultPerPage = 0 }: Partial<Request>) {
    const size = resultPerPage || 10
    const found = things
      .createQueryBuilder('thing')
      .orderBy('thing.id')
      .limit(size)
      .offset(size * pageNumber)
    if (lat === 0 && lng === 0) found.where('thing.name ILIKE :pattern', { pattern: `%${query}%` })
    else {
      const parts = found
        .subQuery()
        .select('part.thing_id')
        .from('thing_part', 'part')
        .where('ST_Covers(part.geom, ST_SetSRID(ST_MakePoint(:lng, :lat), 4326))')
        .getQuery()
      found.where(`thing.id IN ${parts}`, { lat, lng })
    }
    return { responses: (await found.getMany()).map(({ name }) => ({ response: name })) }
  }
}
class SearchModule {}
// The decorators of NestJS, applied by hand: type stripping has none.
const descriptor = Object.getOwnPropertyDescriptor(SearchController.prototype, 'search')
if (descriptor !== undefined) GrpcMethod('Search', 'search')(SearchController.prototype, 'search', descriptor)
Controller()(SearchController)
Module({ controllers: [SearchController] })(SearchModule)

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const address = probe.address()
      probe.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })

const port = await freePort()
const app = await NestFactory.createMicroservice(SearchModule, {
  transport: Transport.GRPC,
  options: {
    package: '',
    protoPath: fileURLToPath(new URL('../../../libs/search-api/proto/search.proto', import.meta.url)),
    url: `127.0.0.1:${port}`,
  },
  logger: false,
})
await app.listen()
console.log(port)
