{{/* Seconds of `500ms`, `3s`, `5m`, `1h` or a number, as Tidegate reads them. */}}
{{- define "tidegate.seconds" -}}
{{- if kindIs "string" . -}}
{{- $units := dict "ms" 0.001 "s" 1.0 "" 1.0 "m" 60.0 "h" 3600.0 -}}
{{- printf "%f" (mulf (float64 (regexFind "^[0-9.]+" .)) (get $units (regexFind "[a-z]*$" .))) -}}
{{- else -}}
{{- printf "%f" (float64 .) -}}
{{- end -}}
{{- end -}}

{{/* The number that a quantity like `250m`, `96Mi` or `1.5` is. */}}
{{- define "tidegate.quantity" -}}
{{- $unit := regexFind "[a-zA-Z]*$" (toString .) -}}
{{- $units := dict "m" 0.001 "" 1.0 "k" 1e3 "M" 1e6 "G" 1e9 "T" 1e12 "Ki" 1024.0 "Mi" 1048576.0 "Gi" 1073741824.0 "Ti" 1099511627776.0 -}}
{{- printf "%f" (mulf (float64 (trimSuffix $unit (toString .))) (get $units $unit)) -}}
{{- end -}}

{{/* Seconds that the program may take to stop, with the sleep before it: whole ones, rounded up. */}}
{{- define "tidegate.stopSeconds" -}}
{{- $drain := (fromYaml (include "tidegate.config" .)).drain | default dict -}}
{{- $total := float64 (include "tidegate.seconds" .Values.preStopSleep) -}}
{{- range list (dig "delay" "5s" $drain) (dig "grace" "25s" $drain) -}}
  {{- $total = addf $total (float64 (include "tidegate.seconds" .)) -}}
{{- end -}}
{{- int (ceil $total) -}}
{{- end -}}

{{/* The same with five seconds to spare, so that SIGKILL never comes first; or what is given. */}}
{{- define "tidegate.terminationGracePeriodSeconds" -}}
{{- $needed := int (include "tidegate.stopSeconds" .) -}}
{{- $given := .Values.terminationGracePeriodSeconds -}}
{{- if kindIs "invalid" $given -}}
{{- add $needed 5 -}}
{{- else if lt (int $given) $needed -}}
{{- fail (printf "terminationGracePeriodSeconds: %d: Tidegate would be killed while it drains: preStopSleep, config.drain.delay and config.drain.grace take %d seconds; expected at least %d, or nothing" (int $given) $needed $needed) -}}
{{- else -}}
{{- int $given -}}
{{- end -}}
{{- end -}}
