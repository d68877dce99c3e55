{{/* A value as YAML, with the templates in its texts rendered. Arguments: value, context. */}}
{{- define "service.rendered" -}}
{{- if kindIs "string" .value -}}
{{- tpl .value .context -}}
{{- else -}}
{{- tpl (toYaml .value) .context -}}
{{- end -}}
{{- end -}}

{{/* A CPU quantity in thousandths: "250m" is 250, 1.5 is 1500. */}}
{{- define "service.milliCpu" -}}
{{- $text := toString . -}}
{{- if hasSuffix "m" $text -}}
{{- trimSuffix "m" $text | int64 -}}
{{- else -}}
{{- mulf (float64 $text) 1000 | int64 -}}
{{- end -}}
{{- end -}}

{{/* A memory quantity in mebibytes: "1.5Gi" is 1536. */}}
{{- define "service.mebibytes" -}}
{{- $text := toString . -}}
{{- if hasSuffix "Gi" $text -}}
{{- mulf (trimSuffix "Gi" $text | float64) 1024 | int64 -}}
{{- else if hasSuffix "Mi" $text -}}
{{- trimSuffix "Mi" $text | int64 -}}
{{- else -}}
{{- fail (printf "memory of %q cannot be added to that of the log shipper: write resources.*.memory in Mi or Gi" $text) -}}
{{- end -}}
{{- end -}}

{{/* A text or number as text. Numbers of JSON are floats, which Go writes with an exponent from a million on. */}}
{{- define "service.text" -}}
{{- if kindIs "float64" . -}}
{{- toJson . -}}
{{- else -}}
{{- toString . -}}
{{- end -}}
{{- end -}}
