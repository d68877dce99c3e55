{{/* The template of a pod, for whatever workload. */}}
{{- define "service.pod" -}}
metadata:
  labels:
    {{- include "service.podLabels" . | nindent 4 }}
  annotations:
    checksum/config: {{ include "service.checksum" . }}
    {{- with .Values.podAnnotations }}
    {{- include "service.rendered" (dict "value" . "context" $) | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "service.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  {{- with include "service.imagePullSecrets" . | trim }}
  imagePullSecrets:
    {{- . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  terminationGracePeriodSeconds: {{ include "service.graceSeconds" . }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ tpl . $ }}
  {{- end }}
  {{- with include "service.scheduling" . | trim }}
  {{- . | nindent 2 }}
  {{- end }}
  {{- if or (include "service.isWrapped" .) .Values.initContainers }}
  initContainers:
    {{- if include "service.isWrapped" . }}
    {{- include "service.shipperInstall" . | nindent 4 }}
    {{- end }}
    {{- with .Values.initContainers }}
    {{- include "service.rendered" (dict "value" . "context" $) | nindent 4 }}
    {{- end }}
  {{- end }}
  containers:
    {{- include "service.container" . | nindent 4 }}
    {{- with .Values.sidecars }}
    {{- include "service.rendered" (dict "value" . "context" $) | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "service.volumes" . | nindent 4 }}
{{- end -}}

{{/* Where a pod may run. Without constraints of the user's own, pods are spread over zones and nodes as far as it can be done. */}}
{{- define "service.scheduling" -}}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- include "service.rendered" (dict "value" . "context" $) | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations:
  {{- include "service.rendered" (dict "value" . "context" $) | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- include "service.rendered" (dict "value" . "context" $) | nindent 2 }}
{{- end }}
{{- if .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- include "service.rendered" (dict "value" .Values.topologySpreadConstraints "context" .) | nindent 2 }}
{{- else if not .Values.nodeFolders }}
topologySpreadConstraints:
  {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "service.selectorLabels" $ | nindent 8 }}
    matchLabelKeys: [pod-template-hash]
  {{- end }}
{{- end }}
{{- end -}}
