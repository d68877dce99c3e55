{{/* The container of the app. */}}
{{- define "service.container" -}}
- name: {{ include "service.name" . }}
  image: {{ include "service.image" (dict "image" .Values.image "context" .) }}
  imagePullPolicy: {{ .Values.image.pullPolicy }}
  {{- if include "service.isWrapped" . }}
  {{- include "service.shipperCommand" . | nindent 2 }}
  {{- else }}
  args: [--config, {{ include "service.configFolder" . }}/config.json]
  {{- end }}
  env:
    {{- include "service.env" . | nindent 4 }}
  {{- with include "service.envFrom" . | trim }}
  envFrom:
    {{- . | nindent 4 }}
  {{- end }}
  ports:
    {{- include "service.containerPorts" . | trim | nindent 4 }}
  {{- include "service.probes" . | nindent 2 }}
  {{- with include "service.lifecycle" . }}
  lifecycle:
    {{- . | nindent 4 }}
  {{- end }}
  resources:
    {{- include "service.resources" . | nindent 4 }}
  securityContext:
    {{- toYaml .Values.containerSecurityContext | nindent 4 }}
  volumeMounts:
    {{- include "service.volumeMounts" . | nindent 4 }}
{{- end -}}

{{/* The resources of the app's container. Those of a log shipper around the app are added, where both name one. */}}
{{- define "service.resources" -}}
{{- $resources := deepCopy (.Values.resources | default dict) -}}
{{- if include "service.isWrapped" . -}}
{{- range $section, $more := .Values.logShipping.resources -}}
{{- $own := get $resources $section -}}
{{- if and $own $own.cpu $more.cpu -}}
{{- $_ := set $own "cpu" (printf "%dm" (add (include "service.milliCpu" $own.cpu | int64) (include "service.milliCpu" $more.cpu | int64))) -}}
{{- end -}}
{{- if and $own $own.memory $more.memory -}}
{{- $_ := set $own "memory" (printf "%dMi" (add (include "service.mebibytes" $own.memory | int64) (include "service.mebibytes" $more.memory | int64))) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}
