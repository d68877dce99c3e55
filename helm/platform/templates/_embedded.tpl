{{/*
An embedded backend: a StatefulSet of one replica and its Service. A template of templates/embedded gives
  root, backend   as everywhere
  uid, gid        the user of the image
  ports           list of {name, port, protocol}; each is on the Service unless it has `private: true`
  dataPath        where the volume `data` is mounted; the containers mount it themselves where they need it elsewhere
  pod             YAML: initContainers, containers, volumes
  checksum        what the pod is made anew for when it changes
  grace           seconds between SIGTERM and SIGKILL
*/}}
{{- define "platform.embedded" -}}
{{- $root := .root -}}
{{- $values := (index $root.Values.backends .backend).embedded -}}
{{- $name := include "platform.name" (list $root .backend) -}}
{{- $labels := include "platform.labels" (list $root .backend "backend") -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  type: ClusterIP
  selector:
    {{- include "platform.selector" (list $root .backend "backend") | nindent 4 }}
  ports:
    {{- range .ports }}
    - name: {{ .name }}
      port: {{ .port }}
      targetPort: {{ .name }}
      protocol: {{ .protocol | default "TCP" }}
    {{- end }}
---
apiVersion: apps/v1
kind: StatefulSet
metadata:
  name: {{ $name }}
  namespace: {{ $root.Release.Namespace }}
  labels:
    {{- $labels | nindent 4 }}
spec:
  serviceName: {{ $name }}
  replicas: 1
  selector:
    matchLabels:
      {{- include "platform.selector" (list $root .backend "backend") | nindent 6 }}
  template:
    metadata:
      labels:
        {{- $labels | nindent 8 }}
        {{- with $values.podLabels }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      annotations:
        checksum/config: {{ .checksum | default "" | sha256sum }}
        {{- with $values.podAnnotations }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
    spec:
      automountServiceAccountToken: false
      enableServiceLinks: false
      terminationGracePeriodSeconds: {{ .grace | default 30 }}
      securityContext:
        {{- include "platform.podSecurityContext" (list .uid .gid) | nindent 8 }}
      {{- include "platform.imagePullSecrets" $root | nindent 6 }}
      {{- with $values.priorityClassName }}
      priorityClassName: {{ . }}
      {{- end }}
      {{- with $values.nodeSelector }}
      nodeSelector:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.tolerations }}
      tolerations:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- with $values.affinity }}
      affinity:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      {{- .pod | nindent 6 }}
        {{- if not $values.persistence.enabled }}
        - name: data
          emptyDir: {}
        {{- end }}
  {{- if $values.persistence.enabled }}
  volumeClaimTemplates:
    - metadata:
        name: data
        labels:
          {{- include "platform.selector" (list $root .backend "backend") | nindent 10 }}
      spec:
        accessModes: [ReadWriteOnce]
        {{- with $values.persistence.storageClass }}
        storageClassName: {{ . | quote }}
        {{- end }}
        resources:
          requests:
            storage: {{ $values.persistence.size }}
  {{- end }}
{{- end }}

{{/* The image of an embedded backend's containers: (list $ "kafka"). */}}
{{- define "platform.embeddedImage" -}}
{{- $values := (index (index . 0).Values.backends (index . 1)).embedded -}}
image: {{ include "platform.image" (list (index . 0) $values.image) }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- end }}

{{/*
The three probes of a container, by one handler (YAML). A start may take five minutes, on a busy machine. What fails for a minute afterwards is restarted; after ten
seconds it gets no more connections.
*/}}
{{- define "platform.probes" -}}
startupProbe:
  {{- . | nindent 2 }}
  periodSeconds: 2
  timeoutSeconds: 5
  failureThreshold: 150
readinessProbe:
  {{- . | nindent 2 }}
  periodSeconds: 5
  timeoutSeconds: 5
  failureThreshold: 2
livenessProbe:
  {{- . | nindent 2 }}
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
{{- end }}
