{{/* The apps of this chart, in the order in which data flows through them. */}}
{{- define "platform.apps" -}}
search-service,log-shipper,aggregator,alert-monitor,reactor
{{- end }}

{{/* Those that serve gRPC: clients find them by Consul, which asks their gRPC port whether they are well. */}}
{{- define "platform.grpcApps" -}}
search-service
{{- end }}

{{/* The backends that an app may need. */}}
{{- define "platform.backends" -}}
consul,kafka,nats,rabbitmq,postgres,opensearch,graphite,redis
{{- end }}

{{/* The object of one backend: (list $ "kafka"). */}}
{{- define "platform.name" -}}
{{- $root := index . 0 -}}
{{- printf "%s-%s" $root.Release.Name (index . 1) -}}
{{- end }}

{{/* Labels that select pods: (list $ NAME COMPONENT). They never change, since a StatefulSet's selector cannot. */}}
{{- define "platform.selector" -}}
{{- $root := index . 0 -}}
app.kubernetes.io/name: {{ index . 1 }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/component: {{ index . 2 }}
{{- end }}

{{/* Labels of an object: (list $ NAME COMPONENT). */}}
{{- define "platform.labels" -}}
{{- $root := index . 0 -}}
{{ include "platform.selector" . }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ $root.Chart.Name }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" }}
{{- with $root.Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{/* The pods of an app: its chart's labels. (list $ "aggregator") */}}
{{- define "platform.appSelector" -}}
{{- $root := index . 0 -}}
{{- $app := index . 1 -}}
app.kubernetes.io/name: {{ (index $root.Values $app).nameOverride | default $app }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
{{- end }}

{{/* "true" where the app is installed: (list $ "aggregator"). */}}
{{- define "platform.hasApp" -}}
{{- $root := index . 0 -}}
{{- with index $root.Values (index . 1) -}}
{{- if .enabled -}}true{{- end -}}
{{- end -}}
{{- end }}
