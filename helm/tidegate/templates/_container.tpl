{{/* The container, in a pod of its own or as a sidecar. */}}
{{- define "tidegate.container" -}}
name: {{ .Chart.Name }}
image: {{ include "tidegate.image" . | quote }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
env:
  {{- include "tidegate.env" . | nindent 2 }}
{{- with .Values.extraEnvFrom }}
envFrom:
  {{- toYaml . | nindent 2 }}
{{- end }}
ports:
  {{- range fromYamlArray (include "tidegate.ports" .) }}
  - name: tcp-{{ . }}
    containerPort: {{ . }}
    protocol: TCP
  {{- end }}
  - name: {{ include "tidegate.adminPortName" . }}
    containerPort: {{ include "tidegate.adminPort" . }}
    protocol: TCP
{{- range $name, $path := dict "startup" "/livez" "liveness" "/livez" "readiness" "/readyz" }}
{{ $name }}Probe:
  httpGet:
    path: {{ $path }}
    port: {{ include "tidegate.adminPort" $ }}
  {{- toYaml (get $.Values.probes $name) | nindent 2 }}
{{- end }}
{{- with int (ceil (float64 (include "tidegate.seconds" .Values.preStopSleep))) }}
lifecycle:
  preStop:
    {{- if semverCompare ">=1.30.0-0" $.Capabilities.KubeVersion.Version }}
    sleep:
      seconds: {{ . }}
    {{- else }}
    exec:
      command: [sleep, {{ . | quote }}]
    {{- end }}
{{- end }}
resources:
  {{- toYaml .Values.resources | nindent 2 }}
securityContext:
  {{- toYaml .Values.securityContext | nindent 2 }}
volumeMounts:
  - name: {{ .Chart.Name }}-config
    mountPath: /etc/tidegate
    readOnly: true
  {{- if include "tidegate.asksApi" . }}
  - name: {{ .Chart.Name }}-api
    mountPath: /var/run/secrets/kubernetes.io/serviceaccount
    readOnly: true
  {{- end }}
  {{- if include "tidegate.hasKubeconfig" . }}
  - name: {{ .Chart.Name }}-keys
    mountPath: /tmp
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* Where the file is; what comes from Secrets; where the pod runs, for the hints of a Service; and what is given. */}}
{{- define "tidegate.env" -}}
- name: TIDEGATE_CONFIG_FILE
  value: /etc/tidegate/config.yaml
{{- range $variable, $secret := .Values.secretConfig }}
- name: TIDEGATE_{{ $variable }}
  valueFrom:
    secretKeyRef:
      name: {{ $secret.name | quote }}
      key: {{ $secret.key | quote }}
{{- end }}
{{- $named := (fromYaml (include "tidegate.config" .)).pools | default dict }}
{{- range $name, $pool := fromYaml (include "tidegate.pools" .) }}
{{- with $pool.kubernetes }}
{{- if and .service (not .kubeconfig) }}
{{- $prefix := ternary (printf "TIDEGATE_POOLS__%s__KUBERNETES__" (upper $name)) "TIDEGATE_KUBERNETES__" (hasKey $named $name) }}
{{- range $key, $field := dict "node" "spec.nodeName" "zone" "metadata.labels['topology.kubernetes.io/zone']" }}
{{- if not (get $pool.kubernetes $key) }}
- name: {{ $prefix }}{{ upper $key }}
  valueFrom:
    fieldRef:
      fieldPath: {{ $field }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The settings; and what a pool needs to ask the API server, mounted into this container alone. */}}
{{- define "tidegate.volumes" -}}
- name: {{ .Chart.Name }}-config
  configMap:
    name: {{ include "tidegate.fullname" . }}
{{- if include "tidegate.asksApi" . }}
- name: {{ .Chart.Name }}-api
  projected:
    sources:
      - serviceAccountToken:
          path: token
          expirationSeconds: 3607
      - configMap:
          name: kube-root-ca.crt
          items: [{key: ca.crt, path: ca.crt}]
      - downwardAPI:
          items: [{path: namespace, fieldRef: {fieldPath: metadata.namespace}}]
{{- end }}
{{- if include "tidegate.hasKubeconfig" . }}
- name: {{ .Chart.Name }}-keys
  emptyDir: {medium: Memory, sizeLimit: 1Mi}
{{- end }}
{{- with .Values.extraVolumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}
