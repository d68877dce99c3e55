{{/* Its replicas are left to an autoscaler where there is one. */}}
{{- define "service.deployment" -}}
apiVersion: apps/v1
kind: Deployment
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.fullname" .)) | nindent 2 }}
spec:
  {{- if not (include "service.isAutoscaled" .) }}
  replicas: {{ .Values.replicaCount | int }}
  {{- end }}
  revisionHistoryLimit: 5
  strategy:
    {{- toYaml .Values.updateStrategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "service.selectorLabels" . | nindent 6 }}
  template:
    {{- include "service.pod" . | nindent 4 }}
{{- end -}}

{{- define "service.daemonset" -}}
apiVersion: apps/v1
kind: DaemonSet
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.fullname" .)) | nindent 2 }}
spec:
  revisionHistoryLimit: 5
  updateStrategy:
    {{- toYaml .Values.updateStrategy | nindent 4 }}
  selector:
    matchLabels:
      {{- include "service.selectorLabels" . | nindent 6 }}
  template:
    {{- include "service.pod" . | nindent 4 }}
{{- end -}}
