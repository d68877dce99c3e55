{{/*
The probes of the app's container. Startup and liveness ask only whether the process answers: an app that waits for its
database is alive. Readiness asks whether it can serve. The kubelet's gRPC probe speaks no TLS, so an app with a certificate
is asked over HTTP. Each probe of the values replaces fields of these.
*/}}
{{- define "service.probes" -}}
{{- $alive := dict "httpGet" (dict "path" "/livez" "port" "http") -}}
{{- $ready := dict "httpGet" (dict "path" "/readyz" "port" "http") -}}
{{- if and .Values.config.grpcPort (not .Values.config.grpcTlsCert) -}}
{{- $ready = dict "grpc" (dict "port" (.Values.config.grpcPort | int64)) -}}
{{- end -}}
startupProbe:
  {{- include "service.probe" (dict "given" .Values.startupProbe "handler" $alive "context" .) | nindent 2 }}
livenessProbe:
  {{- include "service.probe" (dict "given" .Values.livenessProbe "handler" $alive "context" .) | nindent 2 }}
readinessProbe:
  {{- include "service.probe" (dict "given" .Values.readinessProbe "handler" $ready "context" .) | nindent 2 }}
{{- end -}}

{{/* A probe with the handler of its own where the values have one. */}}
{{- define "service.probe" -}}
{{- $given := include "service.rendered" (dict "value" .given "context" .context) | fromYaml -}}
{{- $hasHandler := or $given.httpGet $given.grpc $given.tcpSocket $given.exec -}}
{{- merge $given (ternary (dict) .handler (not (empty $hasHandler))) | toYaml -}}
{{- end -}}
