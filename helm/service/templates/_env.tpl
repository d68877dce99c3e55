{{/* The environment of the app's container. Settings come by the config file; here is what only the cluster knows, and where secrets are. */}}
{{- define "service.env" -}}
- name: POD_NAME
  valueFrom:
    fieldRef:
      fieldPath: metadata.name
- name: POD_NAMESPACE
  valueFrom:
    fieldRef:
      fieldPath: metadata.namespace
{{- if not .Values.config.advertiseHost }}
- name: ADVERTISE_HOST
  valueFrom:
    fieldRef:
      fieldPath: status.podIP
{{- end }}
- name: XDG_STATE_HOME
  value: {{ include "service.stateFolder" . }}
{{- include "service.secretEnv" . }}
{{- include "service.backendEnv" . }}
{{- if include "service.isWrapped" . }}
- name: LOG_SHIPPER_MESSAGING_URL_FILE
  value: {{ include "service.secretFolder" . }}/log-shipping/{{ tpl .Values.logShipping.secret.key . }}
{{- end }}
{{- with .Values.extraEnvVars }}
{{ include "service.rendered" (dict "value" . "context" $) }}
{{- end }}
{{- end -}}

{{/* For each secret setting that is given, the variable that names its file. */}}
{{- define "service.secretEnv" -}}
{{- $variables := (include "service.facts" . | fromJson).secretFiles -}}
{{- range $setting, $secret := .Values.secrets }}
{{- if $secret.existingSecret }}
- name: {{ index $variables $setting }}
  value: {{ include "service.secretFolder" $ }}/{{ $setting }}/{{ include "service.secretKey" (dict "setting" $setting "secret" $secret "context" $) }}
{{- end }}
{{- end }}
{{- end -}}

{{/* A setting in `config` that a backend's ConfigMap sets too. A variable stands before the file, and one of `env` before those of `envFrom`. */}}
{{- define "service.backendEnv" -}}
{{- $variables := (include "service.facts" . | fromJson).backendVariables -}}
{{- $config := include "service.config" . | fromJson -}}
{{- range $setting, $variable := $variables }}
{{- if hasKey $config $setting }}
- name: {{ $variable }}
  value: {{ include "service.text" (index $config $setting) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The addresses of backends, from ConfigMaps that the umbrella chart makes. One that is absent changes nothing. */}}
{{- define "service.envFrom" -}}
{{- range .Values.bindings }}
- configMapRef:
    name: {{ $.Release.Name }}-{{ . }}
    optional: true
{{- end }}
{{- end -}}
