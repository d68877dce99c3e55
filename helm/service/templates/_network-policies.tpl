{{/* Nothing may reach the pods, and they may reach nothing: each way in or out is a policy of its own. */}}
{{- define "service.denyPolicy" -}}
{{- if .Values.networkPolicy.enabled -}}
{{ include "service.policyHead" (dict "context" . "suffix" "deny") }}
  policyTypes: [Ingress, Egress]
{{- end -}}
{{- end -}}

{{- define "service.dnsPolicy" -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.dns -}}
{{ include "service.policyHead" (dict "context" . "suffix" "to-dns") }}
  policyTypes: [Egress]
  egress:
    - to:
        {{- include "service.rendered" (dict "value" .Values.networkPolicy.dns "context" .) | nindent 8 }}
      ports:
        - { port: 53, protocol: UDP }
        - { port: 53, protocol: TCP }
{{- end -}}
{{- end -}}

{{/* Clients reach the ports that the app serves them on, not its admin port. An empty list of peers would let in all, so it makes no policy. */}}
{{- define "service.clientsPolicy" -}}
{{- $ports := list -}}
{{- range include "service.ports" . | fromJsonArray -}}
{{- if .clients -}}{{- $ports = append $ports (dict "port" .name "protocol" .protocol) -}}{{- end -}}
{{- end -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.allowFrom $ports -}}
{{ include "service.policyHead" (dict "context" . "suffix" "from-clients") }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- include "service.rendered" (dict "value" .Values.networkPolicy.allowFrom "context" .) | nindent 8 }}
      ports:
        {{- toYaml $ports | nindent 8 }}
{{- end -}}
{{- end -}}

{{/* Prometheus reaches the ports that have /metrics. */}}
{{- define "service.scrapePolicy" -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.scrapeFrom -}}
{{ include "service.policyHead" (dict "context" . "suffix" "from-scrape") }}
  policyTypes: [Ingress]
  ingress:
    - from:
        {{- include "service.rendered" (dict "value" .Values.networkPolicy.scrapeFrom "context" .) | nindent 8 }}
      ports:
        {{- range include "service.ports" . | fromJsonArray }}
        {{- if .metrics }}
        - port: {{ .name }}
          protocol: {{ .protocol }}
        {{- end }}
        {{- end }}
{{- end -}}
{{- end -}}

{{/* One policy for each edge to a backend, divided by lines of three hyphens. */}}
{{- define "service.egressPolicies" -}}
{{- if .Values.networkPolicy.enabled -}}
{{- range $index, $edge := .Values.networkPolicy.egress }}
{{- if gt $index 0 }}
---
{{ end }}
{{ include "service.policyHead" (dict "context" $ "suffix" (printf "to-%s" $edge.name)) }}
  policyTypes: [Egress]
  egress:
    - to:
        {{- include "service.rendered" (dict "value" $edge.to "context" $) | nindent 8 }}
      ports:
        {{- toYaml $edge.ports | nindent 8 }}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The beginning of a policy for the pods of this app. Arguments: context, suffix. */}}
{{- define "service.policyHead" -}}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  {{- include "service.metadata" (dict "context" .context "name" (printf "%s-%s" (include "service.fullname" .context) .suffix)) | nindent 2 }}
spec:
  podSelector:
    matchLabels:
      {{- include "service.selectorLabels" .context | nindent 6 }}
{{- end -}}
