import type { Safeguard } from './safeguard.ts'

const unit = ['tools/charts/test/unit.test.ts']
const templates = 'helm/service/templates'

/** The safeguards of the charts. */
export const safeguards: readonly Safeguard[] = [
  {
    promise: 'Charts: a pod has the time that its drain needs',
    file: `${templates}/_checks.tpl`,
    find: '{{- include "service.checkGrace" . -}}',
    replace: '',
    tests: unit,
  },
  {
    promise: 'Charts: a pod has the time that its drain needs',
    file: `${templates}/_grace.tpl`,
    find: '{{- $drainMs = add $drainMs (include "service.lastLinesMs" . | int64) -}}',
    replace: '',
    tests: unit,
  },
  {
    promise: 'Charts: a pod goes on serving until its clients have forgotten it',
    file: `${templates}/_grace.tpl`,
    find: 'seconds: {{ .Values.preStopSleepSeconds | int }}',
    replace: 'seconds: 1',
    tests: unit,
  },
  {
    promise: 'Charts: what is not listed reaches no pod, and a pod reaches nothing else',
    file: `${templates}/_network-policies.tpl`,
    find: 'policyTypes: [Ingress, Egress]',
    replace: 'policyTypes: [Ingress]',
    tests: unit,
  },
  {
    promise: 'Charts: what is not listed reaches no pod, and a pod reaches nothing else',
    file: `${templates}/_network-policies.tpl`,
    find: '.Values.networkPolicy.enabled .Values.networkPolicy.allowFrom $ports',
    replace: '.Values.networkPolicy.enabled $ports',
    tests: unit,
  },
  {
    promise: 'Charts: clients do not reach the admin port',
    file: `${templates}/_network-policies.tpl`,
    find: '{{- if .clients -}}',
    replace: '{{- if true -}}',
    tests: unit,
  },
  {
    promise: 'Charts: an app cannot ask the API server',
    file: `${templates}/_pod.tpl`,
    find: 'automountServiceAccountToken: false',
    replace: 'automountServiceAccountToken: true',
    tests: unit,
  },
  {
    promise: 'Charts: the reactor may scale only what its settings name',
    file: `${templates}/_scale.tpl`,
    find: '    resourceNames: {{ uniq . | toJson }}\n',
    replace: '',
    tests: unit,
  },
  {
    promise: 'Charts: without something to scale there is no token, no Role and no way to the API server',
    file: `${templates}/_scale.tpl`,
    find: '{{- if include "service.scaleTargets" . | fromJsonArray -}}yes{{- end -}}',
    replace: 'yes',
    tests: unit,
  },
  {
    promise: 'Charts: an app that waits for a backend is not restarted',
    file: `${templates}/_probes.tpl`,
    find: '{{- include "service.probe" (dict "given" .Values.livenessProbe "handler" $alive "context" .) | nindent 2 }}',
    replace:
      '{{- include "service.probe" (dict "given" .Values.livenessProbe "handler" $ready "context" .) | nindent 2 }}',
    tests: unit,
  },
  {
    promise: 'Charts: readiness is asked by a protocol that the app speaks',
    file: `${templates}/_probes.tpl`,
    find: '(not .Values.config.grpcTlsCert)',
    replace: 'true',
    tests: unit,
  },
  {
    promise: 'Charts: an autoscaler alone sets the number of pods',
    file: `${templates}/_workloads.tpl`,
    find: '{{- if not (include "service.isAutoscaled" .) }}',
    replace: '{{- if true }}',
    tests: unit,
  },
  {
    promise: 'Charts: what an app cannot do without is asked for before anything is made',
    file: `${templates}/_checks.tpl`,
    find: '{{- include "service.checkSecrets" . -}}',
    replace: '',
    tests: unit,
  },
  {
    promise: 'Charts: a changed setting rolls the pods, a hot one does not',
    file: `${templates}/_settings.tpl`,
    find: '{{- $_ := unset $config . -}}',
    replace: '',
    tests: ['tools/charts/test/render.test.ts'],
  },
]
