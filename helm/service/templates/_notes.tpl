{{/* What `helm install` prints. */}}
{{- define "service.notes" -}}
{{- $name := include "service.fullname" . -}}
{{ .Chart.Name }} {{ .Chart.AppVersion }} is {{ $name }} in the namespace {{ .Release.Namespace }}.

  kubectl -n {{ .Release.Namespace }} get pods -l app.kubernetes.io/name={{ include "service.name" . }},app.kubernetes.io/instance={{ .Release.Name }}
  kubectl -n {{ .Release.Namespace }} port-forward service/{{ $name }} {{ .Values.config.httpPort | int64 }}
  curl 'http://127.0.0.1:{{ .Values.config.httpPort | int64 }}/readyz?verbose'
{{- if .Values.config.grpcPort }}

Clients of gRPC inside the cluster spread their calls over the pods by
dns:///{{ include "service.headlessName" . }}.{{ .Release.Namespace }}:{{ .Values.config.grpcPort | int64 }}
{{- end }}
{{- if include "service.isWrapped" . }}

Its log lines go to the topic {{ tpl .Values.logShipping.topic . }}.
{{- end }}
{{- end -}}
