{{/* A name of at most 63 characters: (list base suffix). What is cut off is told apart by a hash. */}}
{{- define "tidegate.name63" -}}
{{- $base := index . 0 -}}
{{- $suffix := index . 1 -}}
{{- $name := printf "%s%s" $base $suffix -}}
{{- if le (len $name) 63 -}}
{{- $name -}}
{{- else -}}
{{- $room := int (sub 54 (len $suffix)) -}}
{{- printf "%s-%s%s" (trunc $room $base | trimSuffix "-") (trunc 8 (sha256sum $base)) $suffix -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.name" -}}
{{- .Values.nameOverride | default .Chart.Name -}}
{{- end -}}

{{/* The name of everything: that of the release, with the chart's name unless it is in there. */}}
{{- define "tidegate.fullname" -}}
{{- $name := include "tidegate.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name -}}
{{- else -}}
{{- include "tidegate.name63" (list .Release.Name (printf "-%s" $name)) -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.adminName" -}}
{{- include "tidegate.name63" (list (include "tidegate.fullname" .) "-admin") -}}
{{- end -}}

{{/* The ServiceAccount is created where it is asked for, but for a sidecar only when it has something to ask. */}}
{{- define "tidegate.createsServiceAccount" -}}
{{- if and .Values.serviceAccount.create (or (ne .Values.kind "Sidecar") (include "tidegate.asksApi" .)) -}}true{{- end -}}
{{- end -}}

{{- define "tidegate.serviceAccountName" -}}
{{- $created := ternary (include "tidegate.fullname" .) "default" (eq "true" (include "tidegate.createsServiceAccount" .)) -}}
{{- .Values.serviceAccount.name | default $created -}}
{{- end -}}

{{- define "tidegate.instance" -}}
app.kubernetes.io/name: {{ include "tidegate.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* What only the pods with the proxy have, and not that of `helm test`. */}}
{{- define "tidegate.selector" -}}
{{ include "tidegate.instance" . }}
app.kubernetes.io/component: proxy
{{- end -}}

{{/* The pod of `helm test`. */}}
{{- define "tidegate.testLabels" -}}
{{ include "tidegate.instance" . }}
app.kubernetes.io/component: test
{{- end -}}

{{- define "tidegate.ownLabels" -}}
{{ include "tidegate.instance" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{/* The labels of an object: (list context more), `more` being those that it alone has. */}}
{{- define "tidegate.labels" -}}
{{- $context := index . 0 -}}
{{- toYaml (merge (fromYaml (include "tidegate.ownLabels" $context)) (index . 1) $context.Values.labels) -}}
{{- end -}}

{{/* Name, namespace and labels of an object: (list context name), or (list context name more). */}}
{{- define "tidegate.metadata" -}}
{{- $context := index . 0 -}}
name: {{ index . 1 }}
namespace: {{ $context.Release.Namespace }}
labels:
  {{- include "tidegate.labels" (list $context (ternary (last .) dict (gt (len .) 2))) | nindent 2 }}
{{- end -}}

{{/* How to find the pods of a sidecar: the label that `tidegate.sidecarLabels` gives them. */}}
{{- define "tidegate.podSelector" -}}
{{- if eq .Values.kind "Sidecar" -}}
{{- include "tidegate.sidecarLabels" . -}}
{{- else -}}
{{- include "tidegate.selector" . -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.image" -}}
{{- $image := .Values.image -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $image.repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $image.repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
