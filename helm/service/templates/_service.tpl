{{- define "service.service" -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.fullname" .) "annotations" .Values.service.annotations) | nindent 2 }}
spec:
  type: {{ .Values.service.type }}
  selector:
    {{- include "service.selectorLabels" . | nindent 4 }}
  ports:
    {{- include "service.servicePorts" . | trim | nindent 4 }}
{{- end -}}

{{/*
The addresses of the pods themselves, for clients of gRPC that spread their calls: a connection is long, so behind a Service
with one address all calls of a client would go to one pod.
*/}}
{{- define "service.headlessService" -}}
{{- if .Values.config.grpcPort -}}
apiVersion: v1
kind: Service
metadata:
  {{- include "service.metadata" (dict "context" . "name" (include "service.headlessName" .) "annotations" .Values.service.annotations "extraLabels" (dict "armature/headless" "true")) | nindent 2 }}
spec:
  type: ClusterIP
  clusterIP: None
  selector:
    {{- include "service.selectorLabels" . | nindent 4 }}
  ports:
    - name: grpc
      port: {{ .Values.config.grpcPort | int64 }}
      targetPort: grpc
      protocol: TCP
      appProtocol: grpc
{{- end -}}
{{- end -}}
