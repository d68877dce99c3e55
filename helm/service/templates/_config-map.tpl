{{/* The settings of the app, and the files that they name. */}}
{{- define "service.configMap" -}}
apiVersion: v1
kind: ConfigMap
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.fullname" .)) | nindent 2 }}
data:
  config.json: |
    {{- include "service.config" . | nindent 4 }}
  {{- range $name, $text := .Values.configFiles }}
  {{ $name }}: {{ toJson $text }}
  {{- end }}
{{- end -}}
