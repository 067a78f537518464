{{/* What to do next with a sidecar. Helm shows only the notes of your own chart: include it in its NOTES.txt. */}}
{{- define "tidegate.sidecarNotes" -}}
{{- $name := include "tidegate.fullname" . -}}
{{- $namespace := .Release.Namespace -}}
{{ $name }} is a sidecar of your own pods. The next three commands:

  kubectl -n {{ $namespace }} get pods -l tidegate/{{ .Chart.Name }}={{ $name }}
  kubectl -n {{ $namespace }} logs -l tidegate/{{ .Chart.Name }}={{ $name }} -c {{ .Chart.Name }}
  kubectl -n {{ $namespace }} port-forward $(kubectl -n {{ $namespace }} get pods -l tidegate/{{ .Chart.Name }}={{ $name }} -o name | head -1) {{ include "tidegate.adminPort" . }}   # http://127.0.0.1:{{ include "tidegate.adminPort" . }}/ is the status page
{{- include "tidegate.imageNote" . }}
{{- end -}}

{{- define "tidegate.imageNote" -}}
{{- if eq .Values.image.repository "tidegate" }}

The image is {{ include "tidegate.image" . }}, without a registry: unless your nodes have it, give image.repository (docs/install.md).
{{- end }}
{{- end -}}
