{{/* How many pods a drain of nodes may take at once. A pod that is not ready never holds a drain up. */}}
{{- define "service.pdb" -}}
{{- with .Values.pdb -}}
{{- if .enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  {{- include "service.metadata" (dict "context" $ "name" (include "service.fullname" $)) | nindent 2 }}
spec:
  {{- if ne (toString .minAvailable) "" }}
  minAvailable: {{ .minAvailable }}
  {{- else }}
  maxUnavailable: {{ .maxUnavailable }}
  {{- end }}
  unhealthyPodEvictionPolicy: AlwaysAllow
  selector:
    matchLabels:
      {{- include "service.selectorLabels" $ | nindent 6 }}
{{- end -}}
{{- end -}}
{{- end -}}
