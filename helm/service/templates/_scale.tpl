{{/* What the app may scale: a JSON array of kind and name, of the rules in config.scaleAllow. Empty for an app that has no such setting. */}}
{{- define "service.scaleTargets" -}}
{{- $targets := list -}}
{{- range (include "service.config" . | fromJson).scaleAllow -}}
{{- if not (regexMatch "^(deployment|statefulset)/[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[0-9]+-[0-9]+$" .) -}}
{{- fail (printf "%s has %q in config.scaleAllow, which is no rule of what may be scaled: write deployment/NAME:MIN-MAX or statefulset/NAME:MIN-MAX, such as deployment/worker:1-10" $.Chart.Name .) -}}
{{- end -}}
{{- $place := splitList ":" . | first | splitList "/" -}}
{{- $targets = append $targets (dict "kind" (first $place) "name" (last $place)) -}}
{{- end -}}
{{- toJson $targets -}}
{{- end -}}

{{/* Not empty where the app may scale something. */}}
{{- define "service.canScale" -}}
{{- if include "service.scaleTargets" . | fromJsonArray -}}yes{{- end -}}
{{- end -}}

{{- define "service.scaleName" -}}
{{- printf "%s-scale" (include "service.fullname" .) -}}
{{- end -}}

{{/* Only the replicas of what the rules name, nothing else of it. */}}
{{- define "service.scaleRole" -}}
{{- if include "service.canScale" . -}}
{{- $targets := include "service.scaleTargets" . | fromJsonArray -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.scaleName" .)) | nindent 2 }}
rules:
  {{- range $kind := list "deployment" "statefulset" }}
  {{- $names := list }}
  {{- range $targets }}
  {{- if eq .kind $kind }}{{- $names = append $names .name }}{{- end }}
  {{- end }}
  {{- with $names }}
  - apiGroups: [apps]
    resources: [{{ $kind }}s/scale]
    resourceNames: {{ uniq . | toJson }}
    verbs: [get, patch]
  {{- end }}
  {{- end }}
{{- end -}}
{{- end -}}

{{- define "service.scaleRoleBinding" -}}
{{- if include "service.canScale" . -}}
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.scaleName" .)) | nindent 2 }}
roleRef:
  apiGroup: rbac.authorization.k8s.io
  kind: Role
  name: {{ include "service.scaleName" . }}
subjects:
  - kind: ServiceAccount
    name: {{ include "service.serviceAccountName" . }}
    namespace: {{ .Release.Namespace }}
{{- end -}}
{{- end -}}

{{- define "service.apiServerPolicy" -}}
{{- if and .Values.networkPolicy.enabled (include "service.canScale" .) -}}
{{ include "service.policyHead" (dict "context" . "suffix" "to-api-server") }}
  policyTypes: [Egress]
  egress:
    - to:
        {{- include "service.rendered" (dict "value" .Values.networkPolicy.apiServer.to "context" .) | nindent 8 }}
      ports:
        {{- range .Values.networkPolicy.apiServer.ports }}
        - { port: {{ . }}, protocol: TCP }
        {{- end }}
{{- end -}}
{{- end -}}

{{/* The token is in the container of the app alone. It has an hour, and is written anew before that. */}}
{{- define "service.accountVolume" -}}
- name: service-account
  projected:
    # 0440
    defaultMode: 288
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3600
      - configMap:
          name: kube-root-ca.crt
          items:
            - key: ca.crt
              path: ca.crt
      - downwardAPI:
          items:
            - path: namespace
              fieldRef:
                fieldPath: metadata.namespace
{{- end -}}

{{- define "service.accountMount" -}}
- name: service-account
  mountPath: /var/run/secrets/kubernetes.io/serviceaccount
  readOnly: true
{{- end -}}

{{- define "service.checkScale" -}}
{{- if include "service.canScale" . -}}
{{- if and .Values.networkPolicy.enabled (not .Values.networkPolicy.apiServer.to) -}}
{{- fail (printf "%s has config.scaleAllow, and its NetworkPolicies do not let it reach the API server: set networkPolicy.apiServer.to to the peers that `kubectl get endpoints kubernetes --namespace default` names, such as [{ipBlock: {cidr: 10.0.0.1/32}}]" .Chart.Name) -}}
{{- end -}}
{{- if eq (include "service.serviceAccountName" .) "default" -}}
{{- fail (printf "%s has config.scaleAllow and the service account default, by which every pod of the namespace might scale: set serviceAccount.create to true, or serviceAccount.name" .Chart.Name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
