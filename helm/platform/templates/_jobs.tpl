{{/* Edges of the pods that do one thing and end. */}}
{{- define "platform.jobEdges" -}}
{{- if include "platform.hookSecrets" . }}
- {from: job/secrets, to: api-server, ports: {{ include "platform.apiServerPorts" . }}}
{{- end }}
{{- if include "platform.hasDemoData" . }}
{{- range $backend := include "platform.backendsOf" (list . "search-service") | splitList "," }}
{{- if eq $backend "postgres" }}
- {from: job/demo-data, to: backend/postgres, ports: {{ include "platform.backendPorts" (list $ "postgres") }}}
{{- end }}
{{- end }}
- {from: job/demo-data, to: dns, ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}
{{- end }}
{{- if include "platform.hasSmokeTest" . }}
{{- include "platform.smokeTestEdges" . }}
{{- end }}
{{- end }}

{{- define "platform.apiServerPorts" -}}
{{- $ports := list -}}
{{- range .Values.networkPolicy.apiServerPorts -}}
{{- $ports = append $ports (dict "port" (int .) "protocol" "TCP") -}}
{{- end -}}
{{- toJson $ports -}}
{{- end }}

{{/* The backends whose Secrets the hooks make, with commas between. */}}
{{- define "platform.hookSecrets" -}}
{{- $found := list -}}
{{- range $backend := splitList "," (include "platform.backends" .) -}}
{{- $binding := include "platform.binding" (list $ $backend) | fromYaml -}}
{{- if has $binding.by (list "generate" "copy") -}}{{- $found = append $found $backend -}}{{- end -}}
{{- end -}}
{{- join "," $found -}}
{{- end }}

{{- define "platform.hasDemoData" -}}
{{- if and .Values.demoData.enabled (include "platform.hasApp" (list . "search-service")) -}}true{{- end -}}
{{- end }}

{{/*
One policy with all edges of a job's pods, which nobody connects to: (list $ "demo-data" ANNOTATIONS).
*/}}
{{- define "platform.jobPolicy" -}}
{{- $root := index . 0 -}}
{{- $job := index . 1 -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ include "platform.name" (list $root $job) }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- include "platform.labels" (list $root $job "job") | nindent 4 }}
  {{- with index . 2 }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  podSelector:
    matchLabels:
      {{- include "platform.selector" (list $root $job "job") | nindent 6 }}
  policyTypes: [Ingress, Egress]
  egress:
    {{- range $edge := include "platform.edges" $root | fromYamlArray }}
    {{- if eq $edge.from (printf "job/%s" $job) }}
    - ports:
        {{- toYaml $edge.ports | nindent 8 }}
      {{- with include "platform.endPeers" (list $root $edge.to) }}
      to:
        {{- . | nindent 8 }}
      {{- end }}
    {{- end }}
    {{- end }}
{{- end }}

{{/* Where the pods of jobs run. */}}
{{- define "platform.jobPlace" -}}
{{- include "platform.imagePullSecrets" . }}
{{- with .Values.tools.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tools.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{/* The settings of a container that runs one of the tools: (list $ .Values.tools.image). */}}
{{- define "platform.toolContainer" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
image: {{ include "platform.image" . }}
imagePullPolicy: {{ $image.pullPolicy }}
securityContext:
  {{- include "platform.containerSecurityContext" $root | nindent 2 }}
resources:
  {{- include "platform.jobResources" $root | nindent 2 }}
{{- end }}
