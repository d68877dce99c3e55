"""A plain AMQP client: binds a queue of its own, prints `bound`, then the body of each message until it has seen enough.

Usage: amqp-client.py URL EXCHANGE ROUTING_KEY COUNT
"""

import sys

import pika

url, exchange, key, count = sys.argv[1:4] + [int(sys.argv[4])]
idle_seconds = 60

connection = pika.BlockingConnection(pika.URLParameters(url))
channel = connection.channel()
channel.exchange_declare(exchange, exchange_type="topic", durable=True)
queue = channel.queue_declare("", exclusive=True).method.queue
channel.queue_bind(queue, exchange, key)
print("bound", flush=True)

for seen, (method, properties, body) in enumerate(channel.consume(queue, inactivity_timeout=idle_seconds), start=1):
    if method is None:
        sys.exit(f"nothing for {idle_seconds} s after {seen - 1} messages")
    print(properties.headers["cloudEvents_id"], body.decode(), flush=True)
    channel.basic_ack(method.delivery_tag)
    if seen == count:
        break
connection.close()
