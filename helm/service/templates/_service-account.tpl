{{/* Neither the account nor the pod has a token by itself. An app that may scale has one in a volume of its own. */}}
{{- define "service.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.serviceAccountName" .) "annotations" .Values.serviceAccount.annotations) | nindent 2 }}
automountServiceAccountToken: false
{{- end -}}
{{- end -}}
