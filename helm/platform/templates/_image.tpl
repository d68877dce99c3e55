{{/* The name of an image: (list $ .Values.backends.kafka.embedded.image). A digest counts more than a tag. */}}
{{- define "platform.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $registry := dig "imageRegistry" "" ($root.Values.global | default dict) -}}
{{- with $registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.repository -}}
{{- if $image.digest -}}
@{{ $image.digest }}
{{- else -}}
:{{ $image.tag | default $root.Chart.AppVersion }}
{{- end -}}
{{- end }}

{{/* The secrets with which the node pulls images. */}}
{{- define "platform.imagePullSecrets" -}}
{{- with dig "imagePullSecrets" list (.Values.global | default dict) }}
imagePullSecrets:
{{- range . }}
  - name: {{ if kindIs "string" . }}{{ . }}{{ else }}{{ .name }}{{ end }}
{{- end }}
{{- end }}
{{- end }}

{{/* What a container of Pod Security's `restricted` must say. */}}
{{- define "platform.containerSecurityContext" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{/* What a pod of Pod Security's `restricted` must say: (list UID GID). Volumes belong to GID; a volume that fits is not walked. */}}
{{- define "platform.podSecurityContext" -}}
runAsNonRoot: true
runAsUser: {{ index . 0 }}
runAsGroup: {{ index . 1 }}
fsGroup: {{ index . 1 }}
fsGroupChangePolicy: OnRootMismatch
seccompProfile:
  type: RuntimeDefault
{{- end }}

{{/* Resources of the small pods that do one thing and end. */}}
{{- define "platform.jobResources" -}}
requests: {cpu: 50m, memory: 96Mi}
limits: {memory: 256Mi}
{{- end }}
