{{/* What a schema cannot say: values that do not fit each other are refused in words. Every pod asks here first. */}}
{{- define "application.checks" -}}
{{- $values := .Values -}}
{{- $runs := has $values.kind (list "Deployment" "Rollout" "Worker") -}}

{{- if and $values.autoscaling.enabled $values.keda.enabled }}
{{- fail "autoscaling.enabled and keda.enabled are both true: two autoscalers would fight over the number of pods. KEDA makes an autoscaler of its own; put CPU under keda.triggers." }}
{{- end }}
{{- if and (include "application.scales" .) (not $runs) }}
{{- fail (printf "autoscaling and keda scale a Deployment, Rollout or Worker, not a %s" $values.kind) }}
{{- end }}

{{- if $values.autoscaling.enabled }}
{{- if gt (int $values.autoscaling.minReplicas) (int $values.autoscaling.maxReplicas) }}
{{- fail "autoscaling.minReplicas is more than autoscaling.maxReplicas" }}
{{- end }}
{{- range $resource, $percent := dict "cpu" $values.autoscaling.targetCPUUtilizationPercentage "memory" $values.autoscaling.targetMemoryUtilizationPercentage }}
{{- if $percent }}
{{- range $at, $given := merge (dict "" $values) (default dict $values.containers) }}
{{- if and (not (has $given.type (list "init"))) (not (dig "requests" $resource "" (default dict $given.resources))) }}
{{- fail (printf "autoscaling looks at %s, but %sresources.requests.%s is empty: a percentage is of what is requested. Without it the autoscaler does nothing." $resource ($at | empty | ternary "" (printf "containers.%s." $at)) $resource) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if not (or $values.autoscaling.targetCPUUtilizationPercentage $values.autoscaling.targetMemoryUtilizationPercentage $values.autoscaling.metrics) }}
{{- fail "autoscaling is enabled and has nothing to look at: a percentage of CPU or memory, or autoscaling.metrics" }}
{{- end }}
{{- end }}

{{- if and $values.keda.enabled (not $values.keda.triggers) }}
{{- fail "keda is enabled and keda.triggers is empty: nothing would ever start a pod" }}
{{- end }}

{{- range $name := list "ingress" "gateway" "istio" }}
{{- if and (index $values $name).enabled (not (include "application.serves" $)) }}
{{- fail (printf "%s is enabled, and there is no Service to lead to: kind is %s, service.enabled is %v" $name $values.kind $values.service.enabled) }}
{{- end }}
{{- end }}
{{- if and $values.gateway.enabled (not $values.gateway.parentRefs) }}
{{- fail "gateway.parentRefs is empty: name the Gateway, for example [{name: public, namespace: gateways}]" }}
{{- end }}
{{- if and (include "application.canary" .) (not $values.istio.enabled) }}
{{- fail "rollout.traffic is istio, and istio.enabled is false: there is no VirtualService whose weights Argo Rollouts could move" }}
{{- end }}
{{- if and (include "application.canary" .) $values.istio.byWeight }}
{{- fail "rollout.traffic is istio, so Argo Rollouts moves the weights; istio.byWeight would fight with it" }}
{{- end }}
{{- if and (eq $values.kind "Rollout") $values.rollout.analysis.enabled (not $values.rollout.analysis.metrics) }}
{{- fail "rollout.analysis is enabled and rollout.analysis.metrics is empty: nothing would be judged" }}
{{- end }}

{{- if and (eq $values.kind "InferenceService") (or $values.networkPolicy.enabled $values.metrics.enabled) }}
{{- fail "networkPolicy and metrics would select no pod of an InferenceService: KServe labels them; use extraObjects" }}
{{- end }}

{{- $ports := keys (default dict $values.ports) }}
{{- if has $values.kind (list "Deployment" "Rollout") }}{{ $ports = append $ports $values.portName }}{{ end }}
{{- range $values.containers }}{{ $ports = concat $ports (keys (default dict .ports)) }}{{ end }}
{{- $metrics := default (include "application.servicePort" .) $values.metrics.port }}
{{- range $at, $port := dict "service.targetPort" $values.service.targetPort "metrics.port" ($values.metrics.enabled | ternary $metrics "") }}
{{- if and $port (not (has $port $ports)) }}
{{- fail (printf "%s is %q, and no container has a port of this name: there are %s" $at $port (sortAlpha $ports | join ", ")) }}
{{- end }}
{{- end }}
{{- if and $values.metrics.enabled (include "application.serves" .) (not (regexMatch (printf "(?m)^- name: %q$" $metrics) (include "application.servicePorts" .))) }}
{{- fail (printf "metrics.port is %q, and the Service does not offer it: Prometheus asks the ports of a Service" $metrics) }}
{{- end }}

{{- if and $values.gpu.count (ne $values.gpu.container "application") (not (hasKey (default dict $values.containers) $values.gpu.container)) }}
{{- fail (printf "gpu.container is %q, and there is no container of this name: the GPUs would be nobody's" $values.gpu.container) }}
{{- end }}

{{- if hasPrefix "models:/" $values.model.uri }}
{{- if not (regexMatch "^models:/([^/@]+/[0-9]+|m-[0-9a-f]+)$" $values.model.uri) }}
{{- fail (printf "model.uri is %s: an alias, a stage or `latest` is another model tomorrow. Name the version: models:/NAME/7" $values.model.uri) }}
{{- end }}
{{- end }}
{{- if and (include "application.loadsModel" .) (not (dig "repository" "" $values.model.image)) }}
{{- fail "model.image.repository is empty: name an image that can fetch the model, with `aws` for s3://, `gcloud` for gs://, `mlflow` for models:/; or set model.load to false if the application fetches it" }}
{{- end }}

{{- if and (eq $values.secrets.provider "sealed-secrets") (not $values.secrets.sealed) }}
{{- fail "secrets.provider is sealed-secrets and secrets.sealed is empty: put what kubeseal printed there" }}
{{- end }}
{{- if and (eq $values.secrets.provider "external-secrets") (not (or $values.secrets.external.keys $values.secrets.external.all)) }}
{{- fail "secrets.provider is external-secrets, and secrets.external.keys and secrets.external.all are both empty" }}
{{- end }}
{{- /* What is asked for and would silently not be there. */}}
{{- if and $values.strategy (not (has $values.kind (list "Deployment" "Worker"))) }}
{{- fail (printf "strategy is for a Deployment or Worker, and kind is %s: a Rollout has rollout.strategy" $values.kind) }}
{{- end }}
{{- if and $values.podDisruptionBudget.enabled (not $runs) }}
{{- fail (printf "podDisruptionBudget is for a Deployment, Rollout or Worker, not for a %s" $values.kind) }}
{{- end }}
{{- if and $values.rollout.analysis.enabled (ne $values.kind "Rollout") }}
{{- fail (printf "rollout.analysis is enabled, and kind is %s: only a Rollout has a canary to judge" $values.kind) }}
{{- end }}
{{- if and $values.job.schedule (ne $values.kind "CronJob") }}
{{- fail (printf "job.schedule is set, and kind is %s: only a CronJob has one" $values.kind) }}
{{- end }}
{{- if and $values.kserve.modelFormat (ne $values.kind "InferenceService") }}
{{- fail (printf "kserve.modelFormat is set, and kind is %s: only an InferenceService has one" $values.kind) }}
{{- end }}
{{- if and (not $values.istio.enabled) (or $values.istio.circuitBreaker.enabled $values.istio.mirror.service $values.istio.byHeader $values.istio.byWeight) }}
{{- fail "istio has routes or a circuit breaker, and istio.enabled is false: there would be none of them" }}
{{- end }}
{{- if and $values.networkPolicy.egress.enabled (not $values.networkPolicy.enabled) }}
{{- fail "networkPolicy.egress is enabled, and networkPolicy.enabled is false: nothing would be limited" }}
{{- end }}
{{- $given := dict "sealed-secrets" $values.secrets.sealed "external-secrets" (or $values.secrets.external.keys $values.secrets.external.all) "infisical" $values.secrets.infisical.project }}
{{- range $provider, $some := $given }}
{{- if and $some (ne $values.secrets.provider $provider) }}
{{- fail (printf "secrets has values for %s, and secrets.provider is %q: the pods would not get them" $provider $values.secrets.provider) }}
{{- end }}
{{- end }}
{{- end -}}
