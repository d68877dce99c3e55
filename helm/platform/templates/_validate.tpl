{{/* What the schema cannot say. All faults are reported together, each with what to set. */}}
{{- define "platform.validate" -}}
{{- $faults := list -}}
{{- range $backend := splitList "," (include "platform.backends" .) -}}
{{- $values := index $.Values.backends $backend -}}
{{- if and (eq $.Values.profile "production") (eq $values.mode "embedded") (not $values.embedded.allowInProduction) -}}
{{- $modes := ternary "operator, external or disabled" "external or disabled" (hasKey $values "operator") -}}
{{- $faults = append $faults (printf "backends.%s.mode is embedded, one pod without a replica, in profile production: set it to %s, or set backends.%s.embedded.allowInProduction to true" $backend $modes $backend) -}}
{{- end -}}
{{- if eq $values.mode "external" -}}
{{- $external := $values.external -}}
{{- if and (not $external.host) (not (dig "existingSecret" "" $external)) -}}
{{- $or := ternary (printf ", or backends.%s.external.existingSecret to a Secret with its whole URL under the key url" $backend) "" (hasKey $external "existingSecret") -}}
{{- $faults = append $faults (printf "backends.%s.mode is external, and there is no host: set backends.%s.external.host to the host of the server%s" $backend $backend $or) -}}
{{- end -}}
{{- if and (dig "sasl" "" $external) (not (dig "existingSecret" "" $external)) -}}
{{- $faults = append $faults (printf "backends.%s.external.sasl needs a user: set backends.%s.external.existingSecret to a Secret with the keys username and password" $backend $backend) -}}
{{- end -}}
{{- if and (dig "tls" "caFile" "" $external) (not $external.tls.enabled) -}}
{{- $faults = append $faults (printf "backends.%s.external.tls.caFile is set, and TLS is not: set backends.%s.external.tls.enabled to true, or leave caFile empty" $backend $backend) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and (eq .Values.backends.postgres.mode "operator") (not .Values.backends.postgres.operator.image) (not (dig "imageName" "" .Values.backends.postgres.operator.spec)) -}}
{{- $faults = append $faults "backends.postgres.mode is operator, and the operator's own image has no PostGIS: set backends.postgres.operator.image to an image of PostGIS that is made for CloudNativePG" -}}
{{- end -}}
{{- range $app := splitList "," (include "platform.apps" .) -}}
{{- if include "platform.hasApp" (list $ $app) -}}
{{- $values := index $.Values $app -}}
{{- $uses := dict -}}
{{- range $setting, $secret := $values.secrets | default dict -}}
{{- $_ := set $uses (printf "secrets.%s.existingSecret" $setting) (dig "existingSecret" "" ($secret | default dict)) -}}
{{- end -}}
{{- if eq (dig "mode" "none" ($values.logShipping | default dict)) "wrap" -}}
{{- $_ := set $uses "logShipping.secret.existingSecret" (dig "secret" "existingSecret" "" $values.logShipping) -}}
{{- end -}}
{{- $context := merge (dict "Values" $values) (omit $ "Values") -}}
{{- range $key, $name := $uses -}}
{{- range $backend := splitList "," (include "platform.backends" $) -}}
{{- if and $name (eq (tpl $name $context) (include "platform.name" (list $ $backend))) (eq (index $.Values.backends $backend).mode "disabled") -}}
{{- $ways := ternary (printf ", %s.logShipping.mode to none" $app) "" (hasPrefix "logShipping" $key) -}}
{{- $faults = append $faults (printf "%s.%s names the Secret of %s, and backends.%s.mode is disabled: set that mode to another, %s.%s to another Secret%s, or %s.enabled to false" $app $key $backend $backend $app $key $ways $app) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $faults -}}
{{- fail (printf "\n\n- %s\n" (join "\n- " .)) -}}
{{- end -}}
{{- end }}
