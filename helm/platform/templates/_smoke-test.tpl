{{/* "true" where the test can do anything: it needs search-service or reactor. */}}
{{- define "platform.hasSmokeTest" -}}
{{- $has := or (include "platform.hasApp" (list . "search-service")) (include "platform.hasApp" (list . "reactor")) -}}
{{- if and .Values.tests.enabled $has -}}true{{- end -}}
{{- end }}

{{/* The Secret of a setting of an app, as {"name", "key"}; both empty where it has none: (list $ "reactor" "messagingUrl"). */}}
{{- define "platform.secretOf" -}}
{{- $root := index . 0 -}}
{{- $values := index $root.Values (index . 1) | default dict -}}
{{- $secret := dig "secrets" (index . 2) dict $values -}}
{{- $context := merge (dict "Values" $values) (omit $root "Values") -}}
{{- $name := "" -}}
{{- if include "platform.hasApp" (list $root (index . 1)) -}}
{{- $name = tpl ($secret.existingSecret | default "") $context -}}
{{- end -}}
{{- dict "name" $name "key" ($secret.key | default "url") | toJson -}}
{{- end }}

{{/* The backend whose binding a Secret is; empty where it is none: (list $ NAME). */}}
{{- define "platform.backendOfSecret" -}}
{{- $root := index . 0 -}}
{{- $name := index . 1 -}}
{{- range $backend := splitList "," (include "platform.backends" $root) -}}
{{- $isHere := ne (index $root.Values.backends $backend).mode "disabled" -}}
{{- if and $isHere (eq $name (include "platform.name" (list $root $backend))) -}}{{ $backend }}{{- end -}}
{{- end -}}
{{- end }}

{{/* The servers whose URLs the test is given in files: the index of the aggregator, and the broker of the reactor. */}}
{{- define "platform.smokeTestSecrets" -}}
{{- $secrets := list -}}
{{- range $variable, $place := dict "OPENSEARCH_URL" (list . "aggregator" "sinkUrl") "MESSAGING_URL" (list . "reactor" "messagingUrl") -}}
{{- $secret := include "platform.secretOf" $place | fromJson -}}
{{- if $secret.name -}}{{- $secrets = append $secrets (merge (dict "variable" $variable) $secret) -}}{{- end -}}
{{- end -}}
{{- toJson $secrets -}}
{{- end }}

{{- define "platform.smokeTestEdges" -}}
{{- if include "platform.hasApp" (list . "search-service") }}
- {from: job/smoke-test, to: app/search-service, ports: [{port: 50051, protocol: TCP}]}
{{- end }}
{{- if eq .Values.backends.graphite.mode "embedded" }}
- {from: job/smoke-test, to: backend/graphite, ports: [{port: 8080, protocol: TCP}]}
{{- end }}
{{- range $secret := include "platform.smokeTestSecrets" . | fromJsonArray }}
{{- with include "platform.backendOfSecret" (list $ $secret.name) }}
- {from: job/smoke-test, to: backend/{{ . }}, ports: {{ include "platform.backendPorts" (list $ .) }}}
{{- end }}
{{- end }}
- {from: job/smoke-test, to: dns, ports: [{port: 53, protocol: UDP}, {port: 53, protocol: TCP}]}
{{- end }}

{{/* The spec of the test's pod: (list $ ARGUMENTS). */}}
{{- define "platform.smokeTestPod" -}}
{{- $root := index . 0 -}}
{{- $secrets := include "platform.smokeTestSecrets" $root | fromJsonArray -}}
restartPolicy: Never
automountServiceAccountToken: false
enableServiceLinks: false
securityContext:
  {{- include "platform.podSecurityContext" (list 65532 65532) | nindent 2 }}
{{- include "platform.jobPlace" $root }}
containers:
  - name: smoke-test
    {{- include "platform.toolContainer" (list $root $root.Values.tools.image) | nindent 4 }}
    args:
      {{- toYaml (index . 1) | nindent 6 }}
    {{- with $secrets }}
    env:
      {{- range . }}
      - name: {{ .variable }}_FILE
        value: /etc/armature/secrets/{{ .variable }}
      {{- end }}
    volumeMounts:
      - {name: secrets, mountPath: /etc/armature/secrets, readOnly: true}
    {{- end }}
{{- with $secrets }}
volumes:
  - name: secrets
    projected:
      defaultMode: 0440
      sources:
        {{- range . }}
        - secret:
            name: {{ .name }}
            items: [{key: {{ .key }}, path: {{ .variable }}}]
        {{- end }}
{{- end }}
{{- end }}
