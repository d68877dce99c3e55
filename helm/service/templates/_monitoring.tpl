{{- define "service.serviceMonitor" -}}
{{- with .Values.metrics.serviceMonitor -}}
{{- if .enabled -}}
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata:
  {{- include "service.metadata" (dict "context" $ "name" (include "service.fullname" $) "extraLabels" .labels) | nindent 2 }}
spec:
  selector:
    matchLabels:
      {{- include "service.selectorLabels" $ | nindent 6 }}
    # The headless Service has the same pods.
    matchExpressions:
      - key: armature/headless
        operator: DoesNotExist
  endpoints:
    {{- range include "service.ports" $ | fromJsonArray }}
    {{- if .metrics }}
    - port: {{ .name }}
      path: /metrics
      interval: {{ $.Values.metrics.serviceMonitor.interval }}
      scrapeTimeout: {{ $.Values.metrics.serviceMonitor.scrapeTimeout }}
    {{- end }}
    {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Alerts that every app has, by what it counts itself, and the user's own. */}}
{{- define "service.prometheusRule" -}}
{{- with .Values.metrics.prometheusRule -}}
{{- if .enabled -}}
{{- $name := include "service.fullname" $ -}}
{{- $pods := printf `namespace="%s",service="%s"` $.Release.Namespace $name -}}
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  {{- include "service.metadata" (dict "context" $ "name" $name "extraLabels" .labels) | nindent 2 }}
spec:
  groups:
    - name: {{ $name }}
      rules:
        {{- include "service.rule" (dict "alert" "ServiceDown" "expr" (printf "up{%s} == 0" $pods) "for" "5m" "severity" "critical" "summary" "A pod of the service has not answered for 5 minutes") | nindent 8 }}
        {{- include "service.rule" (dict "alert" "ServiceDropsEvents" "expr" (printf "increase(ledger_dropped_total{%s}[10m]) > 0" $pods) "for" "0m" "severity" "warning" "summary" "The service gave up events, calls or lines; the label reason says why") | nindent 8 }}
        {{- include "service.rule" (dict "alert" "ServiceWritesDeadLetters" "expr" (printf "increase(ledger_dead_lettered_total{%s}[10m]) > 0" $pods) "for" "0m" "severity" "warning" "summary" "The service put messages into a dead-letter topic") | nindent 8 }}
        {{- include "service.rule" (dict "alert" "ServiceWithoutBroker" "expr" (printf "messaging_broker_up{%s} == 0" $pods) "for" "5m" "severity" "critical" "summary" "The broker of the service has not answered for 5 minutes") | nindent 8 }}
        {{- with .rules }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.rule" -}}
- alert: {{ .alert }}
  expr: {{ .expr | quote }}
  for: {{ .for }}
  labels:
    severity: {{ .severity }}
  annotations:
    summary: {{ .summary }}
{{- end -}}

{{/* A dashboard that the sidecar of Grafana finds by its label. */}}
{{- define "service.dashboard" -}}
{{- with .Values.metrics.dashboard -}}
{{- if .enabled -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "service.metadata" (dict "context" $ "name" (printf "%s-dashboard" (include "service.fullname" $)) "extraLabels" .labels "annotations" .annotations) | nindent 2 }}
data:
  {{ $.Chart.Name }}.json: |
    {{- $.Files.Get "dashboard.json" | trim | nindent 4 }}
{{- end -}}
{{- end -}}
{{- end -}}
