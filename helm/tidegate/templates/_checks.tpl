{{/* What a schema cannot say: values that contradict each other. Every message names the value, and what would be right. */}}
{{- define "tidegate.checks" -}}
{{- include "tidegate.checkNames" . -}}
{{- include "tidegate.checkLabels" . -}}
{{- include "tidegate.checkSecrets" . -}}
{{- include "tidegate.checkPools" . -}}
{{- include "tidegate.checkAddresses" . -}}
{{- include "tidegate.checkEnv" . -}}
{{- include "tidegate.checkWorkers" . -}}
{{- include "tidegate.checkDrain" . -}}
{{- include "tidegate.checkContainer" . -}}
{{- include "tidegate.checkMonitors" . -}}
{{- if ne .Values.kind "Sidecar" -}}
{{- include "tidegate.checkService" . -}}
{{- include "tidegate.checkUpdateStrategy" . -}}
{{- include "tidegate.checkAutoscaling" . -}}
{{- include "tidegate.checkDisruptions" . -}}
{{- include "tidegate.checkNetworkPolicy" . -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkDrain" -}}
{{- range $key, $value := .Values.config.drain -}}
{{- if gt (float64 (include "tidegate.seconds" $value)) 2592000.0 -}}
{{- fail (printf "config.drain.%s: %v: expected at most 720h" $key $value) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkSecrets" -}}
{{- if .Values.config.admin_token -}}
{{- fail "config.admin_token: a secret does not belong in a ConfigMap: put it into a Secret, and its name into secretConfig: {ADMIN_TOKEN: {name: ..., key: ...}}" -}}
{{- end -}}
{{- if dig "health" "password" "" .Values.config -}}
{{- fail "config.health.password: a secret does not belong in a ConfigMap: put it into a Secret, and its name into secretConfig: {HEALTH__PASSWORD: {name: ..., key: ...}}" -}}
{{- end -}}
{{- range $name, $pool := .Values.config.pools -}}
{{- if dig "health" "password" "" $pool -}}
{{- fail (printf "config.pools.%s.health.password: a secret does not belong in a ConfigMap: put it into a Secret, and its name into secretConfig: {POOLS__%s__HEALTH__PASSWORD: {name: ..., key: ...}}" $name (upper $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkPools" -}}
{{- $named := .Values.config.pools | default dict -}}
{{- $pools := fromYaml (include "tidegate.pools" .) -}}
{{- range $name, $pool := $pools -}}
{{- $where := ternary (printf "config.pools.%s" $name) "config" (hasKey $named $name) -}}
{{- $sources := compact (list (ternary "backends" "" (not (empty $pool.backends))) (ternary "dns.name" "" (not (empty (dig "dns" "name" "" $pool)))) (ternary "kubernetes.service" "" (not (empty (dig "kubernetes" "service" "" $pool))))) -}}
{{- if not $sources -}}
{{- fail (printf "%s: no backends: give backends, dns.name or kubernetes.service, as in --set %s.kubernetes.service=chat/socketio" $where $where) -}}
{{- else if gt (len $sources) 1 -}}
{{- fail (printf "%s: the backends are given by %s: expected only one of them" $where (join " and " $sources)) -}}
{{- end -}}
{{- end -}}
{{- range $name, $_ := $named -}}
{{- if regexMatch "__|_$" $name -}}
{{- fail (printf "config.pools.%s: two underscores separate the parts of a variable, as in TIDEGATE_POOLS__CHAT__BACKENDS: expected a name without them, and none at its end" $name) -}}
{{- end -}}
{{- end -}}
{{- range $variable, $_ := .Values.secretConfig -}}
{{- $pool := regexReplaceAll "^POOLS__(.*)__HEALTH__(PASSWORD|HEADERS)$" $variable "${1}" | lower -}}
{{- if and (hasPrefix "POOLS__" $variable) (not (hasKey $named $pool)) -}}
{{- fail (printf "secretConfig.%s: no pool is called %s: expected one of config.pools" $variable $pool) -}}
{{- end -}}
{{- end -}}
{{- $used := list -}}
{{- range $listener, $of := fromYaml (include "tidegate.listeners" .) -}}
{{- $own := $of.pool | default $listener -}}
{{- range prepend (fromYamlArray (include "tidegate.poolsOfRoutes" $of)) $own -}}
{{- $used = append $used . -}}
{{- if not (hasKey $pools .) -}}
{{- fail (printf "config.listeners.%s.%s: no pool is called %s: expected one of %s" $listener (ternary "pool" "routes" (eq . $own)) . (keys $pools | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $name, $pool := $pools -}}
{{- if not (has $name $used) -}}
{{- fail (printf "config.pools.%s: no listener and no route uses this pool: give config.listeners.%s.bind, as in 0.0.0.0:8000, or remove it" $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkAddresses" -}}
{{- $admin := fromYaml (include "tidegate.admin" .) -}}
{{- range prepend (fromYamlArray (include "tidegate.addresses" .)) (set $admin "listener" "admin") -}}
{{- if or (eq .host "*") (lt (int .port) 1) (gt (int .port) 65535) -}}
{{- fail (printf "config: the address of %s is %s:%v: expected one like 0.0.0.0:8000 or [::]:8000, with a port from 1 to 65535" .listener .host .port) -}}
{{- end -}}
{{- end -}}
{{- if $admin.isLoopback -}}
{{- fail (printf "config.admin: %s:%v: kubelet's probes and Prometheus do not reach loopback: expected 0.0.0.0:%v or [::]:%v" $admin.host $admin.port $admin.port $admin.port) -}}
{{- end -}}
{{- $taken := list (set $admin "where" "config.admin") -}}
{{- range fromYamlArray (include "tidegate.addresses" .) -}}
{{- $new := set . "where" (printf "the listener %s" .listener) -}}
{{- range $taken -}}
{{- if and (eq (int .port) (int $new.port)) (or .isEverywhere $new.isEverywhere (eq .host $new.host)) -}}
{{- fail (printf "config: port %v is used by %s and by %s: give one of them another port" .port .where $new.where) -}}
{{- end -}}
{{- end -}}
{{- $taken = append $taken $new -}}
{{- end -}}
{{- if and (ne .Values.kind "Sidecar") (not (fromYamlArray (include "tidegate.ports" .))) -}}
{{- fail "config: every listener is on loopback or at a Unix socket, where nobody reaches it: give one of them an address like 0.0.0.0:8000, or kind: Sidecar" -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkEnv" -}}
{{- range .Values.extraEnv -}}
{{- if and (hasPrefix "TIDEGATE_" .name) (not .valueFrom) -}}
{{- fail (printf "extraEnv: %s: expected its value in config, from which ports, probes, permissions and the grace period are made; secrets in secretConfig" .name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkWorkers" -}}
{{- if and (eq (toString .Values.config.workers) "auto") (not (dig "limits" "cpu" "" .Values.resources)) -}}
{{- fail "config.workers: auto: there is no resources.limits.cpu, so that every core of the node would get a worker: expected that limit, or a number" -}}
{{- end -}}
{{- end -}}
