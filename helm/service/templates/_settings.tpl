{{/* What templates know of the settings of this app: the file settings.json, which is generated from the app's schema. */}}
{{- define "service.facts" -}}
{{- .Files.Get "settings.json" -}}
{{- end -}}

{{/*
The settings of the app as a JSON object: `config`, with the templates in its texts rendered. The names of the Service are
added to `httpAllowedHosts`, so that the admin HTTP server answers to them.
*/}}
{{- define "service.config" -}}
{{- $config := dict -}}
{{- range $key, $value := .Values.config -}}
{{- if kindIs "string" $value -}}
{{- $_ := set $config $key (tpl $value $) -}}
{{- else if kindIs "slice" $value -}}
{{- $items := list -}}
{{- range $value -}}
{{- $items = append $items (ternary (tpl (toString .) $) . (kindIs "string" .)) -}}
{{- end -}}
{{- $_ := set $config $key $items -}}
{{- else if not (kindIs "invalid" $value) -}}
{{- $_ := set $config $key $value -}}
{{- end -}}
{{- end -}}
{{- $name := include "service.fullname" . -}}
{{- $inNamespace := printf "%s.%s" $name .Release.Namespace -}}
{{- $hosts := list $name $inNamespace (printf "%s.svc" $inNamespace) (printf "%s.svc.%s" $inNamespace (((.Values.global).clusterDomain) | default "cluster.local")) -}}
{{- $_ := set $config "httpAllowedHosts" (concat ($config.httpAllowedHosts | default list) $hosts | uniq) -}}
{{- toPrettyJson $config -}}
{{- end -}}

{{/*
The checksum of what a pod reads only at its start. Hot settings are left out, so that a change of them alone rolls no pod.
*/}}
{{- define "service.checksum" -}}
{{- $config := include "service.config" . | fromJson -}}
{{- range (include "service.facts" . | fromJson).hot -}}
{{- $_ := unset $config . -}}
{{- end -}}
{{- toJson (dict "config" $config "files" .Values.configFiles) | sha256sum -}}
{{- end -}}

{{/* The key of a Secret that holds a setting: as set, else `url` for a URL, else the setting's name. Arguments: setting, secret, context. */}}
{{- define "service.secretKey" -}}
{{- $default := ternary "url" .setting (hasSuffix "Url" .setting) -}}
{{- tpl (.secret.key | default $default) .context -}}
{{- end -}}
