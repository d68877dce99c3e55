/** A stored event as a search finds it. */
export interface FoundEvent {
  readonly documentId: string
  readonly id: string
  readonly topic: string
  readonly text: string | undefined
  readonly body: Record<string, unknown> | undefined
  readonly received_at: string
}

/** At most so many are asked for; a test has fewer. */
const maxFound = 10_000

/** All events of the topic in the indices, at most 10,000, as a program finds them that knows OpenSearch alone. */
export const searchEvents = async (url: string, indices: string, topic: string): Promise<readonly FoundEvent[]> => {
  const base = url.replace(/\/$/, '')
  await fetch(`${base}/${indices}/_refresh`, { method: 'POST' })
  const response = await fetch(`${base}/${indices}/_search?ignore_unavailable=true&allow_no_indices=true`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ size: maxFound, query: { term: { topic } } }),
  })
  if (!response.ok) throw new Error(`the search answers ${response.status}: ${await response.text()}`)
  const found = (await response.json()) as {
    hits: { hits: { _id: string; _source: Omit<FoundEvent, 'documentId'> }[] }
  }
  return found.hits.hits.map(({ _id, _source }) => ({ ..._source, documentId: _id }))
}
