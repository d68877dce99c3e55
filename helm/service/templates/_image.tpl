{{/* The name of an image: REGISTRY/REPOSITORY:TAG, by its digest where one is given. Arguments: image, context. */}}
{{- define "service.image" -}}
{{- $registry := ((.context.Values.global).imageRegistry) | default "" | trimSuffix "/" -}}
{{- $name := ternary .image.repository (printf "%s/%s" $registry .image.repository) (empty $registry) -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.image.tag | default .context.Chart.AppVersion) -}}
{{- end -}}
{{- end -}}

{{/* The pull secrets of global and of this chart, each once. A secret is a name or an object with a name. */}}
{{- define "service.imagePullSecrets" -}}
{{- $names := list -}}
{{- range concat (((.Values.global).imagePullSecrets) | default list) .Values.imagePullSecrets -}}
{{- $names = append $names (ternary . (dig "name" "" (ternary (dict) . (kindIs "string" .))) (kindIs "string" .)) -}}
{{- end -}}
{{- range $names | uniq }}
- name: {{ tpl . $ }}
{{- end -}}
{{- end -}}
