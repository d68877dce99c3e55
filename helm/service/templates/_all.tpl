{{/* Everything that an app has in a cluster. It is all that a chart of an app includes. */}}
{{- define "service.all" -}}
{{- include "service.checks" . -}}
{{- $workload := ternary "service.daemonset" "service.deployment" (not (empty .Values.nodeFolders)) -}}
{{- range list
      "service.serviceAccount"
      "service.scaleRole"
      "service.scaleRoleBinding"
      "service.configMap"
      $workload
      "service.service"
      "service.headlessService"
      "service.hpa"
      "service.scaledObject"
      "service.pdb"
      "service.denyPolicy"
      "service.dnsPolicy"
      "service.clientsPolicy"
      "service.scrapePolicy"
      "service.egressPolicies"
      "service.apiServerPolicy"
      "service.serviceMonitor"
      "service.prometheusRule"
      "service.dashboard"
      "service.extraObjects" }}
{{- with include . $ | trim }}
---
{{ . }}
{{- end }}
{{- end }}
{{- end -}}
