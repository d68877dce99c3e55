import { onlyPod, space } from './world.ts'

/** How many documents of the index a query matches, such as `body.alert:"search-stall"`, asked from within the pod of OpenSearch. */
export const countOf = async (asked: string): Promise<number> => {
  const { metadata } = await onlyPod('opensearch')
  const query = JSON.stringify({ query: { query_string: { query: asked } } })
  const request = [
    'POST /logs-*/_count HTTP/1.0',
    'Content-Type: application/json',
    `Content-Length: ${query.length}`,
    '',
    query,
  ].join('\r\n')
  // The image has bash, and curl only perhaps.
  const script = `exec 3<>/dev/tcp/127.0.0.1/9200; printf '%s' "$1" >&3; cat <&3`
  await space.kubectl(['exec', metadata.name, '--', 'true'])
  const answer = await space.kubectl(['exec', metadata.name, '--', 'bash', '-c', script, 'bash', request])
  const [, count] = /"count":(\d+)/.exec(answer) ?? []
  if (count === undefined) throw new Error(`OpenSearch answered: ${answer}`)
  return Number(count)
}
