{{/* One endpoint: (list context monitor). */}}
{{- define "tidegate.scrape" -}}
port: {{ include "tidegate.adminPortName" (index . 0) }}
path: /metrics
{{- with index . 1 }}
interval: {{ .interval }}
scrapeTimeout: {{ .scrapeTimeout }}
{{- with .relabelings }}
relabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{/* The rules; the links in alerts lead to the copy of docs/alerts.md that is given. */}}
{{- define "tidegate.rules" -}}
{{- $rules := .Files.Get "files/rules.yaml" -}}
{{- with .Values.prometheusRule.runbookBase -}}
{{- $rules = $rules | replace "runbook_url: docs/alerts.md" (printf "runbook_url: %s" .) -}}
{{- end -}}
{{- $rules -}}
{{- end -}}
