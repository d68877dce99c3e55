{{/* Values that no schema can refuse. Each message names the value and says what to set. */}}
{{- define "service.checks" -}}
{{- include "service.checkSecrets" . -}}
{{- include "service.checkLogShipping" . -}}
{{- include "service.checkAutoscaling" . -}}
{{- include "service.checkPorts" . -}}
{{- include "service.checkGrace" . -}}
{{- include "service.checkScale" . -}}
{{- end -}}

{{- define "service.checkSecrets" -}}
{{- range $need := (include "service.facts" . | fromJson).requiredSecrets -}}
{{- $given := list -}}
{{- range $need.anyOf -}}
{{- if (index $.Values.secrets .).existingSecret -}}{{- $given = append $given . -}}{{- end -}}
{{- end -}}
{{- $isReplaced := and $need.unlessSetting (hasKey $.Values.config ($need.unlessSetting | default "")) -}}
{{- if not (or $given $isReplaced) -}}
{{- $ways := list -}}
{{- range $need.anyOf -}}
{{- $key := include "service.secretKey" (dict "setting" . "secret" (index $.Values.secrets .) "context" $) -}}
{{- $ways = append $ways (printf "set secrets.%s.existingSecret to the name of a Secret that holds it in the key %q" . $key) -}}
{{- end -}}
{{- $instead := ternary (printf ", or set config.%s" ($need.unlessSetting | default "")) "" (not (empty $need.unlessSetting)) -}}
{{- fail (printf "%s has no %s: %s%s" $.Chart.Name $need.what (join ", or " $ways) $instead) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.checkLogShipping" -}}
{{- with .Values.logShipping -}}
{{- if and (eq .mode "wrap") (not .secret.existingSecret) -}}
{{- fail (printf "%s has logShipping.mode wrap and no broker for its lines: set logShipping.secret.existingSecret to the name of a Secret with the URL of the broker in the key %q, or logShipping.mode to none" $.Chart.Name .secret.key) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.checkAutoscaling" -}}
{{- with .Values.autoscaling -}}
{{- if and .hpa.enabled .keda.enabled -}}
{{- fail (printf "%s has both autoscaling.hpa.enabled and autoscaling.keda.enabled: set one of them to false, since each would undo the other" $.Chart.Name) -}}
{{- end -}}
{{- if and .keda.enabled (not .keda.triggers) -}}
{{- fail (printf "%s has autoscaling.keda.enabled and no trigger: set autoscaling.keda.triggers to at least one" $.Chart.Name) -}}
{{- end -}}
{{- range $kind, $bounds := dict "hpa" (list .hpa.minReplicas .hpa.maxReplicas "minReplicas" "maxReplicas") "keda" (list .keda.minReplicaCount .keda.maxReplicaCount "minReplicaCount" "maxReplicaCount") -}}
{{- if gt (index $bounds 0 | int) (index $bounds 1 | int) -}}
{{- fail (printf "%s has autoscaling.%s.%s of %d, which is more than its %s of %d: set %s to %d or less" $.Chart.Name $kind (index $bounds 2) (index $bounds 0 | int) (index $bounds 3) (index $bounds 1 | int) (index $bounds 2) (index $bounds 1 | int)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "service.checkPorts" -}}
{{- $seen := dict -}}
{{- range include "service.ports" . | fromJsonArray -}}
{{- $place := printf "%s/%v" .protocol .port -}}
{{- $other := get $seen $place -}}
{{- if $other -}}
{{- fail (printf "%s gives one port to two servers, %s: set %s to another port than %s" $.Chart.Name $place .setting $other) -}}
{{- end -}}
{{- $_ := set $seen $place .setting -}}
{{- end -}}
{{- end -}}

{{/* A grace that ends before the drain would kill what is still under way. */}}
{{- define "service.checkGrace" -}}
{{- $set := .Values.terminationGracePeriodSeconds | int -}}
{{- $needed := include "service.neededGraceSeconds" . | int -}}
{{- if and (gt $set 0) (lt $set $needed) -}}
{{- fail (printf "%s has terminationGracePeriodSeconds of %d, but preStopSleepSeconds and config.drainDeadlineMs need %d: set it to %d or more, or to 0 to have it computed" .Chart.Name $set $needed $needed) -}}
{{- end -}}
{{- end -}}
