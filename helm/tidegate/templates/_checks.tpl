{{/* What a schema cannot say: values that contradict each other. Every message names the value, and what would be right. */}}
{{- define "tidegate.checks" -}}
{{- include "tidegate.checkSecrets" . -}}
{{- include "tidegate.checkPools" . -}}
{{- include "tidegate.checkAddresses" . -}}
{{- include "tidegate.checkEnv" . -}}
{{- include "tidegate.checkWorkers" . -}}
{{- if ne .Values.kind "Sidecar" -}}
{{- include "tidegate.checkService" . -}}
{{- include "tidegate.checkAutoscaling" . -}}
{{- include "tidegate.checkDisruptions" . -}}
{{- include "tidegate.checkNetworkPolicy" . -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "serviceMonitor.enabled: podMonitor is enabled, too, and every pod would be scraped twice: enable only one of them" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (eq .Values.kind "Sidecar") -}}
{{- fail "serviceMonitor.enabled: kind Sidecar has no Service of its own: enable podMonitor instead" -}}
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
{{- $used := list -}}
{{- range fromYamlArray (include "tidegate.addresses" .) -}}
{{- $used = append $used .pool -}}
{{- if not (hasKey $pools .pool) -}}
{{- fail (printf "config.listeners.%s.pool: no pool is called %s: expected one of %s" .listener .pool (keys $pools | sortAlpha | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- range $name, $pool := $pools -}}
{{- if not (has $name $used) -}}
{{- fail (printf "config.pools.%s: no listener uses this pool: give config.listeners.%s.bind, as in 0.0.0.0:8000, or remove it" $name $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkAddresses" -}}
{{- $admin := fromYaml (include "tidegate.admin" .) -}}
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
{{- fail "config: every listener is on loopback, where nobody reaches it: give one of them an address like 0.0.0.0:8000, or kind: Sidecar" -}}
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

{{- define "tidegate.checkService" -}}
{{- $service := .Values.service -}}
{{- if and $service.externalTrafficPolicy (eq $service.type "ClusterIP") -}}
{{- fail (printf "service.externalTrafficPolicy: %s: service.type ClusterIP has no traffic from outside: expected type NodePort or LoadBalancer, or no policy" $service.externalTrafficPolicy) -}}
{{- end -}}
{{- if and $service.trafficDistribution (semverCompare "<1.30.0-0" $.Capabilities.KubeVersion.Version) -}}
{{- fail (printf "service.trafficDistribution: %s: Kubernetes has it since 1.30, and this is %s: leave it empty" $service.trafficDistribution $.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- $ports := fromYamlArray (include "tidegate.ports" .) -}}
{{- range $port, $_ := $service.ports -}}
{{- if not (has $port (toStrings $ports)) -}}
{{- fail (printf "service.ports.%s: no listener has this port: expected one of %s" $port (join ", " $ports)) -}}
{{- end -}}
{{- end -}}
{{- $outer := list -}}
{{- range $ports -}}
{{- $port := int (dig (toString .) "port" . $service.ports) -}}
{{- if has $port $outer -}}
{{- fail (printf "service.ports: port %d of the Service leads to two listeners: give one of them another port" $port) -}}
{{- end -}}
{{- $outer = append $outer $port -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkAutoscaling" -}}
{{- with .Values.autoscaling -}}
{{- if .enabled -}}
{{- if ne $.Values.kind "Deployment" -}}
{{- fail (printf "autoscaling.enabled: a %s has one pod per node: expected kind Deployment, or autoscaling.enabled false" $.Values.kind) -}}
{{- end -}}
{{- if not (or .connections .cpu) -}}
{{- fail "autoscaling: nothing to scale by: give autoscaling.connections or autoscaling.cpu" -}}
{{- end -}}
{{- if gt (int .minReplicas) (int .maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas: %d is more than maxReplicas: expected at most %d" (int .minReplicas) (int .maxReplicas)) -}}
{{- end -}}
{{- if and .cpu (not (dig "requests" "cpu" "" $.Values.resources)) -}}
{{- fail "autoscaling.cpu: it is a percentage of resources.requests.cpu, which is not given: expected that request" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkDisruptions" -}}
{{- $budget := .Values.podDisruptionBudget -}}
{{- if and $budget.enabled (eq .Values.kind "Deployment") -}}
{{- $pods := int (ternary .Values.autoscaling.minReplicas .Values.replicas .Values.autoscaling.enabled) -}}
{{- $least := $budget.minAvailable -}}
{{- if not (kindIs "invalid" $least) -}}
{{- if or (eq (toString $least) "100%") (and (not (kindIs "string" $least)) (ge (int $least) $pods)) -}}
{{- fail (printf "podDisruptionBudget.minAvailable: %v of %d pods: no pod could ever be evicted, and no node drained: expected less" $least $pods) -}}
{{- end -}}
{{- else if has (toString $budget.maxUnavailable) (list "0" "0%") -}}
{{- fail (printf "podDisruptionBudget.maxUnavailable: %v: no pod could ever be evicted, and no node drained: expected at least 1" $budget.maxUnavailable) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkNetworkPolicy" -}}
{{- if and .Values.networkPolicy.enabled .Values.networkPolicy.egress.enabled (not .Values.networkPolicy.egress.backends) -}}
{{- fail "networkPolicy.egress.backends: no rule, so that no backend could be reached: give one, as in [{to: [{podSelector: {}}]}]" -}}
{{- end -}}
{{- end -}}
