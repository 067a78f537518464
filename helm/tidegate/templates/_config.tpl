{{/*
The settings as the program gets them. A Service without a namespace is in that of the release, where the role is. A sidecar
ends after the containers that it serves, so that it has nothing to wait for; where its backends are elsewhere it listens only
to its own pod, and does not make the application unready with them. Whatever is given wins.
*/}}
{{- define "tidegate.config" -}}
{{- $config := deepCopy .Values.config -}}
{{- $isSidecar := eq .Values.kind "Sidecar" -}}
{{- range prepend (values ($config.pools | default dict)) $config -}}
  {{- $kubernetes := .kubernetes | default dict -}}
  {{- if and $kubernetes.service (not $kubernetes.kubeconfig) (not (contains "/" $kubernetes.service)) -}}
    {{- $_ := set $kubernetes "service" (printf "%s/%s" $.Release.Namespace $kubernetes.service) -}}
  {{- end -}}
  {{- if and $isSidecar (or $kubernetes.service (.dns | default dict).name) -}}
    {{- $_ := set . "ready" (merge (.ready | default dict) (dict "min_backends" 0)) -}}
  {{- end -}}
{{- end -}}
{{- if $isSidecar -}}
  {{- $_ := set $config "drain" (merge ($config.drain | default dict) (dict "delay" "0s")) -}}
  {{- $pool := dig "pools" "default" $config $config -}}
  {{- $isElsewhere := or (dig "kubernetes" "service" "" $pool) (dig "dns" "name" "" $pool) -}}
  {{- if and $isElsewhere (not $config.listen) (not (hasKey ($config.listeners | default dict) "default")) -}}
    {{- $_ := set $config "listen" "127.0.0.1:8000" -}}
  {{- end -}}
{{- end -}}
{{- toYaml $config -}}
{{- end -}}

{{/* The keys of `config` that belong to the process; all others are of the default listener or the default pool. */}}
{{- define "tidegate.processKeys" -}}
[listeners, pools, admin, admin_token, workers, drain, log, buffer_size, splice]
{{- end -}}

{{/* All pools by name. */}}
{{- define "tidegate.pools" -}}
{{- $config := fromYaml (include "tidegate.config" .) -}}
{{- $pools := $config.pools | default dict -}}
{{- if not (hasKey $pools "default") -}}
  {{- $flat := $config -}}
  {{- range fromYamlArray (include "tidegate.processKeys" .) -}}
    {{- $flat = omit $flat . -}}
  {{- end -}}
  {{- if or $flat (not $pools) -}}
    {{- $pools = merge (dict "default" $flat) $pools -}}
  {{- end -}}
{{- end -}}
{{- toYaml $pools -}}
{{- end -}}

{{/* All listeners by name, the default one included: what they are bound to, their pool and their routes. */}}
{{- define "tidegate.listeners" -}}
{{- $config := fromYaml (include "tidegate.config" .) -}}
{{- $listeners := $config.listeners | default dict -}}
{{- if and (not (hasKey $listeners "default")) (hasKey (fromYaml (include "tidegate.pools" .)) "default") -}}
  {{- $default := dict "bind" ($config.listen | default "0.0.0.0:8000") "routes" $config.routes -}}
  {{- $listeners = merge (dict "default" $default) $listeners -}}
{{- end -}}
{{- toYaml $listeners -}}
{{- end -}}

{{/* The pools that the routes of one listener lead to; the routes are text, or a list of texts and mappings. */}}
{{- define "tidegate.poolsOfRoutes" -}}
{{- $routes := .routes | default list -}}
{{- $pools := list -}}
{{- range ternary (splitList ";" (toString $routes)) $routes (kindIs "string" $routes) -}}
  {{- if kindIs "string" . -}}
    {{- range splitList " " . -}}
      {{- if hasPrefix "pool=" . -}}
        {{- $pools = append $pools (trimPrefix "pool=" .) -}}
      {{- end -}}
    {{- end -}}
  {{- else -}}
    {{- $pools = append $pools .pool -}}
  {{- end -}}
{{- end -}}
{{- toYaml (compact $pools) -}}
{{- end -}}

{{/* All addresses of all listeners, Unix sockets left out: listener, host, port, and whether only the pod can reach them. */}}
{{- define "tidegate.addresses" -}}
{{- $addresses := list -}}
{{- range $name, $listener := fromYaml (include "tidegate.listeners" .) -}}
  {{- $bind := $listener.bind | default list -}}
  {{- range ternary (splitList "," (toString $bind)) $bind (kindIs "string" $bind) -}}
    {{- with trim . -}}
      {{- if not (hasPrefix "unix:/" .) -}}
        {{- $address := fromYaml (include "tidegate.address" .) -}}
        {{- $addresses = append $addresses (merge (dict "listener" $name) $address) -}}
      {{- end -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml $addresses -}}
{{- end -}}

{{/* One address like 0.0.0.0:8000 as host and port. */}}
{{- define "tidegate.address" -}}
{{- $port := regexFind "[0-9]+$" . -}}
{{- $host := trimSuffix (printf ":%s" $port) . -}}
host: {{ $host | quote }}
port: {{ $port }}
isLoopback: {{ regexMatch "^(127\\..*|\\[[0:]+(1|[fF]{4}:127\\..*)\\]|localhost)$" $host }}
isEverywhere: {{ regexMatch "^(0\\.0\\.0\\.0|\\[[0:]+\\])$" $host }}
{{- end -}}

{{- define "tidegate.admin" -}}
{{- include "tidegate.address" ((fromYaml (include "tidegate.config" .)).admin | default "0.0.0.0:9000") -}}
{{- end -}}

{{- define "tidegate.adminPort" -}}
{{- (fromYaml (include "tidegate.admin" .)).port -}}
{{- end -}}

{{/* Its name, which tells the sidecars of one pod apart; 15 characters are the most. */}}
{{- define "tidegate.adminPortName" -}}
{{- $name := .Chart.Name -}}
{{- if gt (len $name) 9 -}}
{{- $name = printf "%s-%s" (trunc 4 $name | trimSuffix "-") (trunc 4 (sha256sum $name)) -}}
{{- end -}}
{{- printf "%s-admin" $name -}}
{{- end -}}

{{/* The ports of the listeners that others than the pod can reach, each once. */}}
{{- define "tidegate.ports" -}}
{{- $ports := list -}}
{{- range fromYamlArray (include "tidegate.addresses" .) -}}
  {{- if not .isLoopback -}}
    {{- $ports = append $ports (int .port) -}}
  {{- end -}}
{{- end -}}
{{- toYaml (uniq $ports) -}}
{{- end -}}

{{/* Whether a pool watches a Service of the cluster that it runs in. */}}
{{- define "tidegate.asksApi" -}}
{{- if fromYaml (include "tidegate.watched" .) -}}true{{- end -}}
{{- end -}}

{{/* Whether a pool has a kubeconfig: TLS takes the certificates and keys in it only from files, so there must be a place for them. */}}
{{- define "tidegate.hasKubeconfig" -}}
{{- range fromYaml (include "tidegate.pools" .) -}}
  {{- if (.kubernetes | default dict).kubeconfig -}}true{{- end -}}
{{- end -}}
{{- end -}}

{{/* The objects that are watched: namespace to list of resources. */}}
{{- define "tidegate.watched" -}}
{{- $watched := dict -}}
{{- range fromYaml (include "tidegate.pools" .) -}}
  {{- with .kubernetes -}}
    {{- if and .service (not .kubeconfig) -}}
      {{- $namespace := first (splitList "/" .service) -}}
      {{- $resource := .api | default "endpointslices" -}}
      {{- $_ := set $watched $namespace (append (get $watched $namespace | default list) $resource | uniq | sortAlpha) -}}
    {{- end -}}
  {{- end -}}
{{- end -}}
{{- toYaml $watched -}}
{{- end -}}

{{/* What makes pods restart when the settings change. */}}
{{- define "tidegate.checksum" -}}
checksum/config: {{ include "tidegate.config" . | sha256sum }}
{{- end -}}
