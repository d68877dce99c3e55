{{/* The seconds for a process to end after its drain. */}}
{{- define "service.endSeconds" -}}5{{- end -}}

{{/* What the log shipper around the app needs after the app has ended, in milliseconds: to read and to publish its last lines. */}}
{{- define "service.lastLinesMs" -}}6500{{- end -}}

{{/* The time that the app may take to end after a stop, in milliseconds: its drain, and a second to close. */}}
{{- define "service.appStopMs" -}}
{{- add (.Values.config.drainDeadlineMs | int64) 1000 -}}
{{- end -}}

{{/* The seconds from the stop of a pod to its end: preStop sleep, drain, and the last lines where they are shipped. */}}
{{- define "service.neededGraceSeconds" -}}
{{- $drainMs := .Values.config.drainDeadlineMs | int64 -}}
{{- if include "service.isWrapped" . -}}
{{- $drainMs = add $drainMs (include "service.lastLinesMs" . | int64) -}}
{{- end -}}
{{- add (.Values.preStopSleepSeconds | int64) (div (add $drainMs 999) 1000) (include "service.endSeconds" . | int64) -}}
{{- end -}}

{{- define "service.graceSeconds" -}}
{{- $set := .Values.terminationGracePeriodSeconds | int -}}
{{- ternary $set (include "service.neededGraceSeconds" . | int) (gt $set 0) -}}
{{- end -}}

{{/*
The hooks of the app's container. The sleep lets Services and Consul forget the pod before the app stops to listen. It is
the kubelet's own, since the image has no shell.
*/}}
{{- define "service.lifecycle" -}}
{{- if .Values.lifecycleHooks -}}
{{- include "service.rendered" (dict "value" .Values.lifecycleHooks "context" .) -}}
{{- else if gt (.Values.preStopSleepSeconds | int) 0 -}}
preStop:
  sleep:
    seconds: {{ .Values.preStopSleepSeconds | int }}
{{- end -}}
{{- end -}}
