{{/*
A custom resource of an operator, never its definition: the cluster has that already. It stays when the release goes, since its data go with it.
  root, backend         as everywhere
  apiVersion, kind      of the resource
  labels                more labels
  spec                  YAML
  more                  what the user lays over it
*/}}
{{- define "platform.customResource" -}}
apiVersion: {{ .apiVersion }}
kind: {{ .kind }}
metadata:
  name: {{ include "platform.name" (list .root .backend) }}
  namespace: {{ .root.Release.Namespace }}
  labels:
    {{- include "platform.labels" (list .root .backend "backend") | nindent 4 }}
    {{- range $name, $value := .labels }}
    {{ $name }}: {{ $value }}
    {{- end }}
  annotations:
    helm.sh/resource-policy: keep
spec:
  {{- toYaml (mergeOverwrite (fromYaml .spec) (.more | default dict)) | nindent 2 }}
{{- end }}

{{/*
The policy of the pods that an operator makes: their clients, their peers of the same cluster, and the operator, which is in another
namespace. Strimzi writes its own, from `networkPolicyPeers`. (list $ "postgres")
*/}}
{{- define "platform.operatedPolicy" -}}
{{- $root := index . 0 -}}
{{- $backend := index . 1 -}}
{{- $end := printf "backend/%s" $backend -}}
{{- if $root.Values.networkPolicy.enabled }}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "platform.name" . }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "platform.labels" (list $root $backend "backend") | nindent 4 }}
spec:
  podSelector:
    matchLabels:
      {{- include "platform.endLabels" (list $root $end) | nindent 6 }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- include "platform.endPeers" (list $root $end) | nindent 8 }}
    - from:
        - namespaceSelector:
            matchExpressions:
              - {key: kubernetes.io/metadata.name, operator: NotIn, values: [{{ $root.Release.Namespace }}]}
        {{- with $root.Values.networkPolicy.operatorPeers }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    {{- range $edge := include "platform.edges" $root | fromYamlArray }}
    {{- if eq $edge.to $end }}
    - ports:
        {{- toYaml $edge.ports | nindent 8 }}
      from:
        {{- include "platform.endPeers" (list $root $edge.from) | nindent 8 }}
    {{- end }}
    {{- end }}
{{- end }}
{{- end }}

{{/* The class of an operator's volumes, or nothing. */}}
{{- define "platform.storageClassLine" -}}
{{- with index . 1 }}
{{ index $ 0 }}: {{ . | quote }}
{{- end }}
{{- end }}
