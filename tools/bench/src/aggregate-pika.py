"""Gathers messages of a RabbitMQ queue, writes 500 at once to `_bulk`, and acknowledges them after the answer."""
import http.client
import json
import sys
from urllib.parse import urlparse

import pika

url, queue, sink, index, batch_size = sys.argv[1:6]
batch_size = int(batch_size)
target = urlparse(sink)
bulk = http.client.HTTPConnection(target.hostname, target.port)
connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.basic_qos(prefetch_count=5 * batch_size)
batch = []


def flush():
    lines = []
    for _, properties, body in batch:
        document = {"id": properties.message_id, "body": json.loads(body)}
        lines.append(json.dumps({"create": {"_index": index, "_id": properties.message_id}}))
        lines.append(json.dumps(document))
    bulk.request("POST", "/_bulk", "\n".join(lines) + "\n", {"Content-Type": "application/x-ndjson"})
    answer = json.loads(bulk.getresponse().read())
    if answer["errors"]:
        raise SystemExit(json.dumps(answer)[:500])
    channel.basic_ack(batch[-1][0].delivery_tag, multiple=True)
    batch.clear()


for method, properties, body in channel.consume(queue, inactivity_timeout=0.2):
    if method is not None:
        batch.append((method, properties, body))
    if len(batch) >= batch_size or (method is None and batch):
        flush()
