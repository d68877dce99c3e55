"""geeteventbus 1.0: EVENTS events of one topic to one subscriber; prints events a second for each line read from stdin."""

import sys
import threading
import time

from geeteventbus.event import event
from geeteventbus.eventbus import eventbus
from geeteventbus.subscriber import subscriber

EVENTS = int(sys.argv[1])
EXECUTORS = int(sys.argv[2])


class Counter(subscriber):
    def __init__(self, done):
        super().__init__()
        self.count = 0
        self.done = done
        self.lock = threading.Lock()

    def process(self, _event):
        with self.lock:
            self.count += 1
            if self.count == EVENTS:
                self.done.set()


for _ in sys.stdin:
    done = threading.Event()
    bus = eventbus(max_queued_event=10000, executor_count=EXECUTORS, synchronus=False)
    bus.register_consumer(Counter(done), 'topic')
    start = time.perf_counter()
    for number in range(EVENTS):
        bus.post(event('topic', number))
    done.wait()
    print(EVENTS / (time.perf_counter() - start), flush=True)
    bus.shutdown()
