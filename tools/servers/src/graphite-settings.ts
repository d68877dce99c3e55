import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

/** One point a second for an hour: what tests send shows as it was sent. */
export const storageSchemas = '[default]\npattern = .*\nretentions = 1s:1h\n'

/** carbon.conf; all ports are TCP on loopback. */
export const carbonSettings = (of: {
  data: string
  carbonPort: number
  picklePort: number
  queryPort: number
}): string => `[cache]
STORAGE_DIR = ${of.data}
CONF_DIR = ${of.data}
LOG_DIR = ${join(of.data, 'log')}
PID_DIR = ${of.data}
LOCAL_DATA_DIR = ${join(of.data, 'whisper')}
USER =
MAX_CREATES_PER_MINUTE = inf
MAX_UPDATES_PER_SECOND = inf
LINE_RECEIVER_INTERFACE = 127.0.0.1
LINE_RECEIVER_PORT = ${of.carbonPort}
PICKLE_RECEIVER_INTERFACE = 127.0.0.1
PICKLE_RECEIVER_PORT = ${of.picklePort}
CACHE_QUERY_INTERFACE = 127.0.0.1
CACHE_QUERY_PORT = ${of.queryPort}
`

/** The settings module of graphite-web, without caches: a point shows as soon as carbon has it. */
export const webSettings = (of: { data: string; queryPort: number }): string => `from graphite.settings import *
SECRET_KEY = '${randomUUID()}'
ALLOWED_HOSTS = ['*']
TIME_ZONE = 'UTC'
STORAGE_DIR = '${of.data}'
WHISPER_DIR = '${join(of.data, 'whisper')}'
STANDARD_DIRS = [WHISPER_DIR]
LOG_DIR = '${join(of.data, 'log')}'
INDEX_FILE = '${join(of.data, 'index')}'
CARBONLINK_HOSTS = ['127.0.0.1:${of.queryPort}:a']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '${join(of.data, 'graphite.db')}'}}
CACHES = {'default': {'BACKEND': 'django.core.cache.backends.dummy.DummyCache'}}
FIND_CACHE_DURATION = 0
DEFAULT_CACHE_DURATION = 0
`

/** StatsD's file of settings, which is JavaScript. */
export const statsdSettings = (of: {
  statsdPort: number
  managementPort: number
  carbonPort: number
  flushIntervalMs: number
}): string =>
  JSON.stringify({
    address: '127.0.0.1',
    port: of.statsdPort,
    mgmt_address: '127.0.0.1',
    mgmt_port: of.managementPort,
    graphiteHost: '127.0.0.1',
    graphitePort: of.carbonPort,
    flushInterval: of.flushIntervalMs,
    backends: ['./backends/graphite'],
    graphite: { legacyNamespace: false },
  })
