{{/*
A binding is how the apps learn of a backend: the Secret RELEASE-BACKEND with its URL under the key `url`. For (list $ "kafka") this gives YAML:
  by        template: this chart writes the Secret; generate: a hook makes it once, with a new password; copy: a hook composes it from
            the user's Secret at each install and upgrade; none: the backend is disabled, or has no URL
  from      the user's Secret, where it is a copy
  keys      the keys of the Secret and their values. {username}, {password} and {url} are filled in by the hook
*/}}
{{- define "platform.binding" -}}
{{- $root := index . 0 -}}
{{- $backend := index . 1 -}}
{{- $values := index $root.Values.backends $backend -}}
{{- $name := include "platform.name" . -}}
{{- if has $backend (list "consul" "graphite") -}}
by: none
{{- else if eq $values.mode "disabled" -}}
by: none
{{- else if eq $values.mode "external" -}}
{{- $external := $values.external -}}
{{- $login := dig "existingSecret" "" $external -}}
{{- if and $login (not $external.host) -}}
by: copy
from: {{ $login }}
keys:
  url: '{url}'
{{- else -}}
by: {{ ternary "copy" "template" (not (empty $login)) }}
from: {{ $login | quote }}
keys:
  url: {{ include "platform.externalUrl" (list $root $backend (ternary "{username}:{password}@" "" (not (empty $login)))) | quote }}
{{- end -}}
{{- else if eq $backend "kafka" -}}
by: template
keys:
  url: kafka://{{ $name }}{{ eq $values.mode "operator" | ternary "-kafka-bootstrap" "" }}:9092
{{- else if eq $backend "nats" -}}
by: template
keys:
  url: jetstream://{{ $name }}:4222
{{- else if eq $backend "opensearch" -}}
by: template
keys:
  url: http://{{ $name }}:9200/{{ $values.index }}
{{- else if eq $backend "postgres" -}}
by: generate
keys:
  username: armature
  url: postgres://armature:{password}@{{ $name }}{{ eq $values.mode "operator" | ternary "-rw" "" }}:5432/armature
{{- else if eq $backend "rabbitmq" -}}
by: generate
keys:
  username: armature
  url: amqp://armature:{password}@{{ $name }}:5672
  {{- if eq $values.mode "operator" }}
  # What the operator reads.
  default_user.conf: "default_user = armature\ndefault_pass = {password}\n"
  host: {{ $name }}.{{ $root.Release.Namespace }}.svc
  port: '5672'
  provider: rabbitmq
  type: rabbitmq
  {{- end }}
{{- else if eq $backend "redis" -}}
by: generate
keys:
  url: redis-streams://default:{password}@{{ $name }}:6379
{{- end -}}
{{- end }}

{{/* The URL of an external backend: (list $ "kafka" LOGIN), LOGIN as it stands before the host. */}}
{{- define "platform.externalUrl" -}}
{{- $root := index . 0 -}}
{{- $backend := index . 1 -}}
{{- $login := index . 2 -}}
{{- $values := index $root.Values.backends $backend -}}
{{- $external := $values.external -}}
{{- $isTls := dig "tls" "enabled" false $external -}}
{{- $caFile := dig "tls" "caFile" "" $external -}}
{{- $hosts := list -}}
{{- range splitList "," $external.host -}}
{{- $hosts = append $hosts (ternary . (printf "%s:%d" . (int $external.port)) (contains ":" .)) -}}
{{- end -}}
{{- $place := printf "%s%s" $login (join "," $hosts) -}}
{{- $options := dict -}}
{{- range $name, $value := dig "options" dict $external -}}
{{- $_ := set $options $name (toString $value) -}}
{{- end -}}
{{- if eq $backend "opensearch" -}}
{{ ternary "https" "http" $isTls }}://{{ $place }}/{{ $values.index }}
{{- else if eq $backend "postgres" -}}
{{- if $isTls }}{{ $_ := set $options "sslmode" "verify-full" }}{{ end -}}
{{- if $caFile }}{{ $_ := set $options "sslrootcert" $caFile }}{{ end -}}
postgres://{{ $place }}/{{ $external.database }}{{ include "platform.query" $options }}
{{- else -}}
{{- if $isTls }}{{ $_ := set $options "tls" "true" }}{{ end -}}
{{- if $caFile }}{{ $_ := set $options "ca" $caFile }}{{ end -}}
{{- with dig "sasl" "" $external }}{{ $_ := set $options "sasl" . }}{{ end -}}
{{- $scheme := dict "kafka" "kafka" "nats" "jetstream" "rabbitmq" "amqp" "redis" "redis-streams" -}}
{{ index $scheme $backend }}://{{ $place }}{{ with dig "vhost" "" $external }}/{{ . }}{{ end }}{{ include "platform.query" $options }}
{{- end -}}
{{- end }}

{{/* The options of a URL, in the order of their names. */}}
{{- define "platform.query" -}}
{{- $pairs := list -}}
{{- range $name := keys . | sortAlpha -}}
{{- $pairs = append $pairs (printf "%s=%s" $name (index $ $name | urlquery)) -}}
{{- end -}}
{{- with $pairs }}?{{ join "&" . }}{{ end -}}
{{- end }}

{{/* The variables of a ConfigMap that apps take a backend's address from: (list $ "consul"). Empty where it is disabled. */}}
{{- define "platform.variables" -}}
{{- $root := index . 0 -}}
{{- $backend := index . 1 -}}
{{- $values := index $root.Values.backends $backend -}}
{{- $name := include "platform.name" . -}}
{{- if eq $backend "consul" -}}
{{- if eq $values.mode "embedded" -}}
CONSUL_HTTP_ADDR: {{ $name }}:8500
{{- else if eq $values.mode "external" -}}
CONSUL_HTTP_ADDR: {{ ternary "https://" "" $values.external.tls.enabled }}{{ $values.external.host }}:{{ int $values.external.port }}
{{- end -}}
{{- else if eq $values.mode "embedded" -}}
STATSD_HOST: {{ $name }}
STATSD_PORT: '8125'
{{- else if eq $values.mode "external" -}}
STATSD_HOST: {{ $values.external.host }}
STATSD_PORT: {{ int $values.external.port | quote }}
{{- else if include "platform.hasApp" (list $root "alert-monitor") -}}
STATSD_HOST: {{ include "platform.name" (list $root "alert-monitor") }}
STATSD_PORT: '8125'
{{- end -}}
{{- end }}
