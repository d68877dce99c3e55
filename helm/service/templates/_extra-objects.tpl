{{/* The user's own objects, each an object or a text, divided by lines of three hyphens. */}}
{{- define "service.extraObjects" -}}
{{- range $index, $object := .Values.extraObjects }}
{{- if gt $index 0 }}
---
{{ end }}
{{ include "service.rendered" (dict "value" $object "context" $) }}
{{- end -}}
{{- end -}}
