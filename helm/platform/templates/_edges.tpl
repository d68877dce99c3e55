{{/*
Who connects to whom: the one table from which every NetworkPolicy of this chart comes, as a YAML list of {from, to, ports}. Ends are
  app/NAME, backend/NAME, job/NAME   pods of this release
  client/NAME                        pods of others, by the label armature/client-of: search-service, or the name of a backend
  dns, api-server                    what every cluster has
An app's edges follow from its values: the Secrets of bindings that its settings name, and its list `bindings`.
*/}}
{{- define "platform.edges" -}}
{{- range $app := splitList "," (include "platform.apps" .) }}
{{- range $backend := include "platform.backendsOf" (list $ $app) | splitList "," | compact }}
- {from: app/{{ $app }}, to: backend/{{ $backend }}, ports: {{ include "platform.backendPorts" (list $ $backend) }}}
{{- if and (eq $backend "consul") (eq $.Values.backends.consul.mode "embedded") }}
# Consul asks the instance that has registered whether it is well.
- {from: backend/consul, to: app/{{ $app }}, ports: [{port: {{ has $app (include "platform.grpcApps" $ | splitList ",") | ternary 50051 8080 }}, protocol: TCP}]}
{{- end }}
{{- end }}
{{- end }}
{{- $hasMonitor := include "platform.hasApp" (list . "alert-monitor") }}
{{- if eq .Values.backends.consul.mode "embedded" }}
# Callers find what serves gRPC by Consul.
{{- range $app := include "platform.grpcApps" . | splitList "," }}
{{- if or (eq $app "search-service") (include "platform.hasApp" (list $ $app)) }}
- {from: client/{{ $app }}, to: backend/consul, ports: {{ include "platform.clientPorts" (list $ "consul") }}}
{{- end }}
{{- end }}
{{- end }}
{{- range $backend := splitList "," (include "platform.backends" .) }}
{{- if has (index $.Values.backends $backend).mode (list "embedded" "operator") }}
- {from: client/{{ $backend }}, to: backend/{{ $backend }}, ports: {{ include "platform.clientPorts" (list $ $backend) }}}
{{- end }}
{{- end }}
{{- if and $hasMonitor (eq .Values.backends.graphite.mode "embedded") }}
- {from: backend/graphite, to: app/alert-monitor, ports: [{port: 8125, protocol: UDP}]}
- {from: backend/graphite, to: dns, ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}
{{- else if and $hasMonitor (eq .Values.backends.graphite.mode "disabled") }}
{{- range $app := splitList "," (include "platform.apps" .) }}
{{- if and (ne $app "alert-monitor") (include "platform.hasApp" (list $ $app)) (has "graphite" ((index $.Values $app).bindings | default list)) }}
- {from: app/{{ $app }}, to: app/alert-monitor, ports: [{port: 8125, protocol: UDP}]}
{{- end }}
{{- end }}
{{- end }}
{{- with include "platform.jobEdges" . }}
{{ . }}
{{- end }}
{{- end }}

{{/* The backends of an app that is installed, with commas between: (list $ "aggregator"). */}}
{{- define "platform.backendsOf" -}}
{{- $root := index . 0 -}}
{{- $app := index . 1 -}}
{{- $found := list -}}
{{- if include "platform.hasApp" . -}}
{{- $values := index $root.Values $app -}}
{{- $secrets := list -}}
{{- range $secret := $values.secrets | default dict -}}
{{- $secrets = append $secrets (dig "existingSecret" "" ($secret | default dict)) -}}
{{- end -}}
{{- if eq (dig "mode" "none" ($values.logShipping | default dict)) "wrap" -}}
{{- $secrets = append $secrets (dig "secret" "existingSecret" "" $values.logShipping) -}}
{{- end -}}
{{- $context := merge (dict "Values" $values) (omit $root "Values") -}}
{{- $names := list -}}
{{- range compact $secrets -}}
{{- $names = append $names (tpl . $context) -}}
{{- end -}}
{{- range $backend := splitList "," (include "platform.backends" $root) -}}
{{- $isNamed := has (include "platform.name" (list $root $backend)) $names -}}
{{- $isListed := has $backend ($values.bindings | default list) -}}
{{- if and (or $isNamed $isListed) (ne (index $root.Values.backends $backend).mode "disabled") -}}
{{- $found = append $found $backend -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- join "," $found -}}
{{- end }}

{{/* The ports on which apps reach a backend, as JSON: (list $ "kafka"). */}}
{{- define "platform.backendPorts" -}}
{{- $root := index . 0 -}}
{{- $backend := index . 1 -}}
{{- $values := index $root.Values.backends $backend -}}
{{- $usual := dict "consul" 8500 "kafka" 9092 "nats" 4222 "rabbitmq" 5672 "postgres" 5432 "opensearch" 9200 "graphite" 8125 "redis" 6379 -}}
{{- $protocol := eq $backend "graphite" | ternary "UDP" "TCP" -}}
{{- $numbers := list (index $usual $backend) -}}
{{- if eq $values.mode "external" -}}
{{- $numbers = list (int $values.external.port) -}}
{{- range splitList "," $values.external.host -}}
{{- if contains ":" . -}}{{- $numbers = append $numbers (splitList ":" . | last | int) -}}{{- end -}}
{{- end -}}
{{- end -}}
{{- $ports := list -}}
{{- range uniq $numbers -}}
{{- $ports = append $ports (dict "port" . "protocol" $protocol) -}}
{{- end -}}
{{- toJson $ports -}}
{{- end }}

{{/* The ports on which others reach a backend, as JSON: (list $ "consul"). People look at Graphite's pages, and resolve names by Consul's DNS. */}}
{{- define "platform.clientPorts" -}}
{{- $ports := include "platform.backendPorts" . | fromJsonArray -}}
{{- if eq (index . 1) "consul" -}}
{{- $ports = concat $ports (list (dict "port" 8600 "protocol" "TCP") (dict "port" 8600 "protocol" "UDP")) -}}
{{- else if eq (index . 1) "graphite" -}}
{{- $ports = append $ports (dict "port" 8080 "protocol" "TCP") -}}
{{- end -}}
{{- toJson $ports -}}
{{- end }}

{{/* The labels of the pods of an end, as YAML; empty where it has none: (list $ "backend/kafka"). */}}
{{- define "platform.endLabels" -}}
{{- $root := index . 0 -}}
{{- $parts := splitList "/" (index . 1) -}}
{{- $kind := first $parts -}}
{{- $name := last $parts -}}
{{- if eq $kind "app" -}}
{{- include "platform.appSelector" (list $root $name) -}}
{{- else if eq $kind "client" -}}
armature/client-of: {{ $name }}
{{- else if eq $kind "job" -}}
{{- include "platform.selector" (list $root $name "job") -}}
{{- else if eq $kind "backend" -}}
{{- $mode := (index $root.Values.backends $name).mode -}}
{{- if eq $mode "embedded" -}}
{{- include "platform.selector" (list $root $name "backend") -}}
{{- else if eq $mode "operator" -}}
{{- $labels := dict "kafka" "strimzi.io/cluster" "postgres" "cnpg.io/cluster" "rabbitmq" "app.kubernetes.io/name" "opensearch" "opensearch.org/opensearch-cluster" -}}
{{ index $labels $name }}: {{ include "platform.name" (list $root $name) }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* The peers of a policy that stand for an end, as a YAML list. Empty: any address, on the ports of the edge. (list $ "backend/kafka") */}}
{{- define "platform.endPeers" -}}
{{- $root := index . 0 -}}
{{- $end := index . 1 -}}
{{- $cidrs := list -}}
{{- if eq $end "api-server" -}}
{{- $cidrs = $root.Values.networkPolicy.apiServerCidrs -}}
{{- else if hasPrefix "backend/" $end -}}
{{- $values := index $root.Values.backends (trimPrefix "backend/" $end) -}}
{{- if eq $values.mode "external" }}{{ $cidrs = $values.external.cidrs | default list }}{{ end -}}
{{- end -}}
{{- with include "platform.endLabels" . -}}
- podSelector:
    matchLabels:
      {{- . | nindent 6 }}
{{- end -}}
{{- range $cidrs }}
- ipBlock:
    cidr: {{ . }}
{{- end -}}
{{- end }}
