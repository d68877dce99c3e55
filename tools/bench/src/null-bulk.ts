import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/**
 * A process that answers `_bulk` as OpenSearch does and stores nothing. It prints its URL; `GET /INDEX/_stats/indexing` says how many different documents it
 * was given, `DELETE /` forgets them.
 */
const ids = new Set<string>()
const newline = 10

interface Item {
  readonly operation: string
  readonly id: string
}

const itemsOf = (body: Buffer): Item[] => {
  const found: Item[] = []
  let isAction = true
  for (let start = 0, end = body.indexOf(newline); end >= 0; start = end + 1, end = body.indexOf(newline, start)) {
    if (!isAction) {
      isAction = true
      continue
    }
    const [entry] = Object.entries(JSON.parse(body.toString('utf8', start, end)) as Record<string, { _id?: string }>)
    const operation = entry?.[0] ?? 'create'
    found.push({ operation, id: entry?.[1]._id ?? `${ids.size + found.length}` })
    isAction = operation === 'delete'
  }
  return found
}

const answered = ({ operation, id }: Item) => {
  const status = operation === 'delete' ? 404 : 201
  if (status === 201) ids.add(id)
  return { [operation]: { _index: 'bench', _id: id, status } }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = []
  const answer = (value: unknown) =>
    response
      .setHeader('content-type', 'application/json')
      .setHeader('x-elastic-product', 'Elasticsearch')
      .end(JSON.stringify(value))
  request.on('data', (chunk: Buffer) => void chunks.push(chunk))
  request.on('end', () => {
    const [path = ''] = (request.url ?? '').split('?')
    if (request.method === 'DELETE') {
      ids.clear()
      answer({})
    } else if (path.endsWith('/_bulk')) {
      answer({ took: 1, errors: false, items: itemsOf(Buffer.concat(chunks)).map(answered) })
    } else if (path.endsWith('/_stats/indexing')) answer({ count: ids.size })
    else
      answer({
        version: { number: '7.10.2', distribution: 'opensearch' },
        acknowledged: true,
        tagline: 'You Know, for Search',
      })
  })
})
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
