{{- define "service.configFolder" -}}/etc/armature/config{{- end -}}
{{- define "service.secretFolder" -}}/etc/armature/secrets{{- end -}}
{{/* Where the app keeps files over a restart of its container, such as its last good settings of Consul. */}}
{{- define "service.stateFolder" -}}/var/lib/armature{{- end -}}

{{/* The secrets of the app and of its log shipper, each in a folder of its own. Readable by the group of the pod alone. */}}
{{- define "service.secretSources" -}}
{{- range $setting, $secret := .Values.secrets }}
{{- if $secret.existingSecret }}
{{- $key := include "service.secretKey" (dict "setting" $setting "secret" $secret "context" $) }}
- secret:
    name: {{ tpl $secret.existingSecret $ }}
    items:
      - key: {{ $key }}
        path: {{ $setting }}/{{ $key }}
{{- end }}
{{- end }}
{{- if include "service.isWrapped" . }}
{{- $key := tpl .Values.logShipping.secret.key . }}
- secret:
    name: {{ tpl .Values.logShipping.secret.existingSecret . }}
    items:
      - key: {{ $key }}
        path: log-shipping/{{ $key }}
{{- end }}
{{- end -}}

{{- define "service.volumes" -}}
- name: config
  configMap:
    name: {{ include "service.fullname" . }}
- name: state
  {{- if .Values.nodeFolders }}
  hostPath:
    path: {{ .Values.nodeFolders.state }}
    type: DirectoryOrCreate
  {{- else }}
  emptyDir:
    sizeLimit: {{ .Values.stateSizeLimit }}
  {{- end }}
{{- with include "service.secretSources" . | trim }}
- name: secrets
  projected:
    # 0440
    defaultMode: 288
    sources:
      {{- . | nindent 6 }}
{{- end }}
{{- if .Values.nodeFolders }}
- name: logs
  hostPath:
    path: {{ .Values.nodeFolders.logs }}
{{- end }}
{{- if include "service.isWrapped" . }}
{{ include "service.shipperVolumes" . }}
{{- end }}
{{- if include "service.canScale" . }}
{{ include "service.accountVolume" . }}
{{- end }}
{{- with .Values.extraVolumes }}
{{ include "service.rendered" (dict "value" . "context" $) }}
{{- end }}
{{- end -}}

{{- define "service.volumeMounts" -}}
- name: config
  mountPath: {{ include "service.configFolder" . }}
  readOnly: true
- name: state
  mountPath: {{ include "service.stateFolder" . }}
{{- if include "service.secretSources" . | trim }}
- name: secrets
  mountPath: {{ include "service.secretFolder" . }}
  readOnly: true
{{- end }}
{{- if .Values.nodeFolders }}
- name: logs
  mountPath: {{ .Values.nodeFolders.logs }}
  readOnly: true
{{- end }}
{{- if include "service.isWrapped" . }}
{{ include "service.shipperMounts" . }}
{{- end }}
{{- if include "service.canScale" . }}
{{ include "service.accountMount" . }}
{{- end }}
{{- with .Values.extraVolumeMounts }}
{{ include "service.rendered" (dict "value" . "context" $) }}
{{- end }}
{{- end -}}
