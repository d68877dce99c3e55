from graphite.settings import *
from os import environ

SECRET_KEY = environ['GRAPHITE_SECRET_KEY']
ALLOWED_HOSTS = ['*']
TIME_ZONE = 'UTC'
STORAGE_DIR = '/opt/graphite/storage'
WHISPER_DIR = '/opt/graphite/storage/whisper'
STANDARD_DIRS = [WHISPER_DIR]
LOG_DIR = '/opt/graphite/storage/log'
INDEX_FILE = '/opt/graphite/storage/index'
CARBONLINK_HOSTS = ['127.0.0.1:7002:a']
DATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': '/opt/graphite/storage/graphite.db'}}
CACHES = {'default': {'BACKEND': 'django.core.cache.backends.dummy.DummyCache'}}
FIND_CACHE_DURATION = 0
DEFAULT_CACHE_DURATION = 0
