{{- define "tidegate.podLabels" -}}
{{- $own := merge (fromYaml (include "tidegate.selector" .)) (dict "app.kubernetes.io/version" .Chart.AppVersion) -}}
{{- toYaml (merge $own .Values.podLabels) -}}
{{- end -}}

{{/* The pods of a Deployment or a DaemonSet. */}}
{{- define "tidegate.pod" -}}
metadata:
  labels:
    {{- include "tidegate.podLabels" . | nindent 4 }}
  annotations:
    {{- toYaml (merge (fromYaml (include "tidegate.checksum" .)) .Values.podAnnotations) | nindent 4 }}
spec:
  serviceAccountName: {{ include "tidegate.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ include "tidegate.terminationGracePeriodSeconds" . }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
  {{- with .Values.extraInitContainers }}
  initContainers:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - {{ include "tidegate.container" . | indent 6 | trim }}
    {{- with .Values.extraContainers }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  volumes:
    {{- include "tidegate.volumes" . | nindent 4 }}
  {{- if and .Values.topologySpreadConstraints (eq .Values.kind "Deployment") }}
  topologySpreadConstraints:
    {{- range .Values.topologySpreadConstraints }}
    {{- $selector := dict "labelSelector" (dict "matchLabels" (fromYaml (include "tidegate.selector" $))) }}
    - {{ ternary . (merge (deepCopy .) $selector) (hasKey . "labelSelector") | toYaml | indent 6 | trim }}
    {{- end }}
  {{- end }}
  {{- range $key := list "imagePullSecrets" "priorityClassName" "runtimeClassName" "nodeSelector" "affinity" "tolerations" }}
  {{- with get $.Values $key }}
  {{ $key }}:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- end }}
{{- end -}}
