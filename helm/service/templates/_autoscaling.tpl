{{/* Not empty where an autoscaler sets the number of replicas. */}}
{{- define "service.isAutoscaled" -}}
{{- with .Values.autoscaling -}}
{{- if or .hpa.enabled .keda.enabled -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.hpa" -}}
{{- with (.Values.autoscaling).hpa -}}
{{- if .enabled -}}
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  {{- include "service.metadata" (dict "context" $ "name" (include "service.fullname" $)) | nindent 2 }}
spec:
  scaleTargetRef:
    apiVersion: apps/v1
    kind: Deployment
    name: {{ include "service.fullname" $ }}
  minReplicas: {{ .minReplicas | int }}
  maxReplicas: {{ .maxReplicas | int }}
  metrics:
    {{- range $resource, $percent := dict "cpu" .targetCPUUtilizationPercentage "memory" .targetMemoryUtilizationPercentage }}
    {{- if gt ($percent | int) 0 }}
    - type: Resource
      resource:
        name: {{ $resource }}
        target:
          type: Utilization
          averageUtilization: {{ $percent | int }}
    {{- end }}
    {{- end }}
    {{- with .metrics }}
    {{- include "service.rendered" (dict "value" . "context" $) | nindent 4 }}
    {{- end }}
  {{- with .behavior }}
  behavior:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.scaledObject" -}}
{{- with (.Values.autoscaling).keda -}}
{{- if .enabled -}}
apiVersion: keda.sh/v1alpha1
kind: ScaledObject
metadata:
  {{- include "service.metadata" (dict "context" $ "name" (include "service.fullname" $)) | nindent 2 }}
spec:
  scaleTargetRef:
    name: {{ include "service.fullname" $ }}
  pollingInterval: {{ .pollingInterval | int }}
  cooldownPeriod: {{ .cooldownPeriod | int }}
  minReplicaCount: {{ .minReplicaCount | int }}
  maxReplicaCount: {{ .maxReplicaCount | int }}
  {{- with .fallback }}
  fallback:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  triggers:
    {{- include "service.rendered" (dict "value" .triggers "context" $) | nindent 4 }}
{{- end -}}
{{- end -}}
{{- end -}}
