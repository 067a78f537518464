{{/* What is checked of the objects: what Kubernetes would refuse, or take and never do. */}}
{{- define "tidegate.checkNames" -}}
{{- if not (regexMatch "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$" .Chart.Name) -}}
{{- fail (printf "%s: containers and volumes cannot have this name: expected an alias of a-z, 0-9 and -" .Chart.Name) -}}
{{- end -}}
{{- $name := include "tidegate.fullname" . -}}
{{- if and (ne .Values.kind "Sidecar") (not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $name)) -}}
{{- fail (printf "fullnameOverride: a Service cannot be called %s: expected a name of a-z, 0-9 and -, which begins with a letter" $name) -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkLabels" -}}
{{- $own := append (keys (fromYaml (include "tidegate.ownLabels" .))) "app.kubernetes.io/component" -}}
{{- range $where := list "labels" "podLabels" "serviceMonitor.labels" "podMonitor.labels" "prometheusRule.labels" "grafanaDashboard.labels" -}}
{{- $given := $.Values -}}
{{- range splitList "." $where -}}
{{- $given = get $given . -}}
{{- end -}}
{{- range $key, $_ := $given -}}
{{- if has $key $own -}}
{{- fail (printf "%s: %s is given by the chart, which finds its objects by it: expected another key; names change with nameOverride" $where $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if hasKey .Values.podAnnotations "checksum/config" -}}
{{- fail "podAnnotations: checksum/config is given by the chart, so that pods restart when config changes: expected another key" -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkContainer" -}}
{{- if and .Values.securityContext.privileged (eq (toString .Values.securityContext.allowPrivilegeEscalation) "false") -}}
{{- fail "securityContext.privileged: Kubernetes takes it only with allowPrivilegeEscalation true: expected both, or neither" -}}
{{- end -}}
{{- $limits := .Values.resources.limits | default dict -}}
{{- range $key, $request := .Values.resources.requests -}}
{{- $limit := get $limits $key -}}
{{- if and $limit (lt (float64 (include "tidegate.quantity" $limit)) (float64 (include "tidegate.quantity" $request))) -}}
{{- fail (printf "resources.limits.%s: %v is less than the request of %v: expected at least as much" $key $limit $request) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkMonitors" -}}
{{- if and .Values.serviceMonitor.enabled .Values.podMonitor.enabled -}}
{{- fail "serviceMonitor.enabled: podMonitor is enabled, too, and every pod would be scraped twice: enable only one of them" -}}
{{- end -}}
{{- if and .Values.serviceMonitor.enabled (eq .Values.kind "Sidecar") -}}
{{- fail "serviceMonitor.enabled: kind Sidecar has no Service of its own: enable podMonitor instead" -}}
{{- end -}}
{{- range $key := list "serviceMonitor" "podMonitor" -}}
{{- with get $.Values $key -}}
{{- if gt (float64 (include "tidegate.seconds" .scrapeTimeout)) (float64 (include "tidegate.seconds" .interval)) -}}
{{- fail (printf "%s.scrapeTimeout: %s is more than the interval: expected at most %s" $key .scrapeTimeout .interval) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "tidegate.checkService" -}}
{{- $service := .Values.service -}}
{{- if and $service.externalTrafficPolicy (eq $service.type "ClusterIP") -}}
{{- fail (printf "service.externalTrafficPolicy: %s: service.type ClusterIP has no traffic from outside: expected type NodePort or LoadBalancer, or no policy" $service.externalTrafficPolicy) -}}
{{- end -}}
{{- range $key := list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- if and (get $service $key) (ne $service.type "LoadBalancer") -}}
{{- fail (printf "service.%s: service.type is %s: expected type LoadBalancer, or nothing" $key $service.type) -}}
{{- end -}}
{{- end -}}
{{- $isHeadless := eq $service.clusterIP "None" -}}
{{- if and $isHeadless (ne $service.type "ClusterIP") -}}
{{- fail (printf "service.clusterIP: None: service.type %s needs an address: expected type ClusterIP, or no clusterIP" $service.type) -}}
{{- end -}}
{{- if and (eq $service.ipFamilyPolicy "SingleStack") (gt (len $service.ipFamilies) 1) -}}
{{- fail "service.ipFamilyPolicy: SingleStack: service.ipFamilies has two: expected one, or PreferDualStack" -}}
{{- end -}}
{{- if and (has $service.trafficDistribution (list "PreferSameZone" "PreferSameNode")) (semverCompare "<1.34.0-0" $.Capabilities.KubeVersion.Version) -}}
{{- fail (printf "service.trafficDistribution: %s: Kubernetes has it since 1.34, and this is %s: expected PreferClose, or nothing" $service.trafficDistribution $.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- if and $service.trafficDistribution (semverCompare "<1.30.0-0" $.Capabilities.KubeVersion.Version) -}}
{{- fail (printf "service.trafficDistribution: %s: Kubernetes has it since 1.30, and this is %s: leave it empty" $service.trafficDistribution $.Capabilities.KubeVersion.Version) -}}
{{- end -}}
{{- $ports := fromYamlArray (include "tidegate.ports" .) -}}
{{- range $port, $given := $service.ports -}}
{{- if and $given.nodePort (eq $service.type "ClusterIP") -}}
{{- fail (printf "service.ports.%s.nodePort: service.type is ClusterIP: expected NodePort or LoadBalancer, or no nodePort" $port) -}}
{{- end -}}
{{- if and $isHeadless $given.port (ne (toString $given.port) $port) -}}
{{- fail (printf "service.ports.%s.port: a headless Service leads to the pods themselves, and no port to another: expected %s, or another clusterIP" $port $port) -}}
{{- end -}}
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

{{- define "tidegate.checkUpdateStrategy" -}}
{{- $strategy := .Values.updateStrategy -}}
{{- if eq (get $strategy "type") (ternary "OnDelete" "Recreate" (eq .Values.kind "Deployment")) -}}
{{- fail (printf "updateStrategy.type: %s: a %s has no such strategy: expected RollingUpdate or %s" $strategy.type .Values.kind (ternary "Recreate" "OnDelete" (eq .Values.kind "Deployment"))) -}}
{{- end -}}
{{- with $strategy.rollingUpdate -}}
{{- if ne (get $strategy "type" | default "RollingUpdate") "RollingUpdate" -}}
{{- fail (printf "updateStrategy.rollingUpdate: updateStrategy.type is %s: expected only one of them" $strategy.type) -}}
{{- end -}}
{{- $isDaemonSet := eq $.Values.kind "DaemonSet" -}}
{{- $hasSurge := not (has (toString (dig "maxSurge" (ternary 0 1 $isDaemonSet) .)) (list "0" "0%")) -}}
{{- $hasLess := not (has (toString (dig "maxUnavailable" 1 .)) (list "0" "0%")) -}}
{{- if not (or $hasSurge $hasLess) -}}
{{- fail "updateStrategy.rollingUpdate: maxSurge and maxUnavailable are both 0, so that no pod could be replaced: expected one of them above 0" -}}
{{- end -}}
{{- if and $isDaemonSet $hasSurge $hasLess -}}
{{- fail "updateStrategy.rollingUpdate: in a DaemonSet one of maxSurge and maxUnavailable is 0: expected both, one of them 0" -}}
{{- end -}}
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
{{- $kept := $least -}}
{{- if hasSuffix "%" (toString $least) -}}
{{- $kept = ceil (divf (mulf (trimSuffix "%" $least) $pods) 100) -}}
{{- end -}}
{{- if ge (int $kept) $pods -}}
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
