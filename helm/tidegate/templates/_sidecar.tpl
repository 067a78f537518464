{{/*
For your own chart, which depends on this one and sets `kind: Sidecar` for it (docs/install.md has an example):

  metadata:
    labels: {{- include "tidegate.sidecarLabels" .Subcharts.tidegate | nindent 4 }}
    annotations: {{- include "tidegate.sidecarAnnotations" .Subcharts.tidegate | nindent 4 }}
  spec:
    serviceAccountName: {{ include "tidegate.serviceAccountName" .Subcharts.tidegate }}
    terminationGracePeriodSeconds: {{ include "tidegate.sidecarGrace" (list .Subcharts.tidegate 30) }}
    initContainers: {{- include "tidegate.sidecar" .Subcharts.tidegate | nindent 4 }}
    volumes: {{- include "tidegate.sidecarVolumes" .Subcharts.tidegate | nindent 4 }}

With an alias in the dependency, `.Subcharts` knows it by the alias. With several sidecars in a pod the account is that of
"tidegate.sharedAccountName" (list .Subcharts.redis .Subcharts.postgres).
*/}}

{{/* The native sidecar: it starts before the application and ends after it. */}}
{{- define "tidegate.sidecar" -}}
{{- include "tidegate.checks" . -}}
{{- if ne .Values.kind "Sidecar" -}}
{{- fail (printf "%s.kind: %s: expected Sidecar, so that the chart adds no pods of its own" .Chart.Name .Values.kind) -}}
{{- end -}}
- {{ include "tidegate.container" . | indent 2 | trim }}
  restartPolicy: Always
{{- end -}}

{{- define "tidegate.sidecarVolumes" -}}
{{- include "tidegate.volumes" . -}}
{{- end -}}

{{- define "tidegate.sidecarLabels" -}}
tidegate/{{ .Chart.Name }}: {{ include "tidegate.fullname" . }}
{{- end -}}

{{- define "tidegate.sidecarAnnotations" -}}
{{- include "tidegate.checksum" . | replace "checksum/config" (printf "checksum/%s" .Chart.Name) -}}
{{- end -}}

{{/* The grace period of the whole pod: (list sidecar seconds), the seconds being those that the application takes to stop. */}}
{{- define "tidegate.sidecarGrace" -}}
{{- add (include "tidegate.terminationGracePeriodSeconds" (index . 0)) (index . 1) -}}
{{- end -}}

{{/* The account of a pod with several sidecars, which all of those that ask the API must have: (list sidecar sidecar ...). */}}
{{- define "tidegate.sharedAccountName" -}}
{{- $sidecars := list -}}
{{- $names := list -}}
{{- range . -}}
  {{- if include "tidegate.asksApi" . -}}
    {{- $sidecars = append $sidecars .Chart.Name -}}
    {{- $names = append $names (include "tidegate.serviceAccountName" .) -}}
  {{- end -}}
{{- end -}}
{{- if gt (len (uniq $names)) 1 -}}
{{- fail (printf "serviceAccount.name: a pod has one account, and its sidecars %s want %s: give all of them one name, and serviceAccount.create: false to all but one" (join " and " $sidecars) (join " and " $names)) -}}
{{- end -}}
{{- first $names | default "default" -}}
{{- end -}}
