{{/* Not empty where the app runs as a child of the log shipper. */}}
{{- define "service.isWrapped" -}}
{{- if eq (dig "mode" "none" (.Values.logShipping | default dict)) "wrap" -}}true{{- end -}}
{{- end -}}

{{- define "service.spoolFolder" -}}/var/spool/log-shipper{{- end -}}

{{/* An init container that copies the program of the log shipper to where the app's container runs it. */}}
{{- define "service.shipperInstall" -}}
{{- with .Values.logShipping -}}
- name: log-shipper-install
  image: {{ include "service.image" (dict "image" .image "context" $) }}
  imagePullPolicy: {{ .image.pullPolicy }}
  args: [install, /shipper]
  securityContext:
    {{- toYaml $.Values.containerSecurityContext | nindent 4 }}
  resources:
    {{- toYaml .resources | nindent 4 }}
  volumeMounts:
    - name: shipper
      mountPath: /shipper
{{- end -}}
{{- end -}}

{{/*
The command of a container whose app is a child of the log shipper. It passes the app's lines on to standard output, ships
them by way of its spool, also the last ones of a crash, and ends with the exit code of the app.
*/}}
{{- define "service.shipperCommand" -}}
{{- $lastLinesMs := include "service.lastLinesMs" . | int64 -}}
{{- with .Values.logShipping -}}
command: [node, /shipper/main.js]
args:
  - {{ printf "--topic=%s" (tpl .topic $) | quote }}
  - --fields=service,pod
  {{- /* An uncaught error is on standard error alone. */}}
  - --exit-record
  {{- /* Below the mount, whose own mode is not the shipper's to set. */}}
  - --spool-dir={{ include "service.spoolFolder" $ }}/lines
  - --spool-max-bytes={{ .spoolMaxBytes | int64 }}
  - --child-grace-ms={{ include "service.appStopMs" $ }}
  - --drain-deadline-ms={{ add ($.Values.config.drainDeadlineMs | int64) $lastLinesMs }}
  - --http-host=0.0.0.0
  - --http-port={{ .httpPort | int64 }}
  - --no-consul-register
  - --no-config-kv
  {{- range .extraArgs }}
  - {{ tpl . $ | quote }}
  {{- end }}
  - --
  - node
  - --enable-source-maps
  - /app/main.js
  - --config
  - {{ include "service.configFolder" $ }}/config.json
{{- end -}}
{{- end -}}

{{- define "service.shipperVolumes" -}}
- name: shipper
  emptyDir:
    sizeLimit: 64Mi
- name: spool
  emptyDir:
    # A quarter more than the spool: what was read before it was full is written beyond its bound.
    sizeLimit: {{ div (mul (.Values.logShipping.spoolMaxBytes | int64) 5) 4 }}
{{- end -}}

{{- define "service.shipperMounts" -}}
- name: shipper
  mountPath: /shipper
  readOnly: true
- name: spool
  mountPath: {{ include "service.spoolFolder" . }}
{{- end -}}
