{{/*
The ports of a pod as a JSON array. A port is there where the app has the setting for it. `metrics` marks those that have
/metrics, `clients` those that others call, and `setting` says where it comes from.
*/}}
{{- define "service.ports" -}}
{{- $ports := list (dict "name" "http" "port" (.Values.config.httpPort | int64) "protocol" "TCP" "metrics" true "setting" "config.httpPort") -}}
{{- if .Values.config.grpcPort -}}
{{- $ports = append $ports (dict "name" "grpc" "port" (.Values.config.grpcPort | int64) "protocol" "TCP" "clients" true "setting" "config.grpcPort") -}}
{{- end -}}
{{- if .Values.config.apiPort -}}
{{- $ports = append $ports (dict "name" "api" "port" (.Values.config.apiPort | int64) "protocol" "TCP" "clients" true "setting" "config.apiPort") -}}
{{- end -}}
{{- if .Values.config.statsdListenPort -}}
{{- $ports = append $ports (dict "name" "statsd" "port" (.Values.config.statsdListenPort | int64) "protocol" "UDP" "clients" true "setting" "config.statsdListenPort") -}}
{{- end -}}
{{- if include "service.isWrapped" . -}}
{{- $ports = append $ports (dict "name" "shipper-http" "port" (.Values.logShipping.httpPort | int64) "protocol" "TCP" "metrics" true "setting" "logShipping.httpPort") -}}
{{- end -}}
{{- toJson $ports -}}
{{- end -}}

{{- define "service.containerPorts" -}}
{{- range include "service.ports" . | fromJsonArray }}
- name: {{ .name }}
  containerPort: {{ .port | int64 }}
  protocol: {{ .protocol }}
{{- end }}
{{- end -}}

{{/* The ports of a Service: each under its own number, which a name in the pod resolves. */}}
{{- define "service.servicePorts" -}}
{{- range include "service.ports" . | fromJsonArray }}
- name: {{ .name }}
  port: {{ .port | int64 }}
  targetPort: {{ .name }}
  protocol: {{ .protocol }}
  {{- if eq .name "grpc" }}
  appProtocol: grpc
  {{- end }}
{{- end }}
{{- end -}}
