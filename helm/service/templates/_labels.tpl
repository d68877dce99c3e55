{{/* The labels that select the pods of this app. They never change: a Deployment cannot change its selector. */}}
{{- define "service.selectorLabels" -}}
app.kubernetes.io/name: {{ include "service.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* The labels of every object. commonLabels add to them and do not replace them. */}}
{{- define "service.labels" -}}
{{- $own := dict
      "helm.sh/chart" (printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-")
      "app.kubernetes.io/version" (.Chart.AppVersion | replace "+" "_")
      "app.kubernetes.io/component" "app"
      "app.kubernetes.io/part-of" (((.Values.global).partOf) | default "armature")
      "app.kubernetes.io/managed-by" .Release.Service -}}
{{- $selector := include "service.selectorLabels" . | fromYaml -}}
{{- $common := include "service.rendered" (dict "value" .Values.commonLabels "context" .) | fromYaml -}}
{{- merge $selector $own $common | toYaml -}}
{{- end -}}

{{/* The labels of a pod: those of every object and podLabels. */}}
{{- define "service.podLabels" -}}
{{- $labels := include "service.labels" . | fromYaml -}}
{{- $pod := include "service.rendered" (dict "value" .Values.podLabels "context" .) | fromYaml -}}
{{- merge $labels $pod | toYaml -}}
{{- end -}}

{{/* The metadata of an object. Arguments: context, name; annotations where it has some. */}}
{{- define "service.metadata" -}}
name: {{ .name }}
namespace: {{ .context.Release.Namespace }}
labels:
  {{- include "service.labels" .context | nindent 2 }}
{{- with .extraLabels }}
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .annotations }}
annotations:
  {{- include "service.rendered" (dict "value" . "context" $.context) | nindent 2 }}
{{- end }}
{{- end -}}
