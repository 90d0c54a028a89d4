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
{{- range $at, $given := merge (dict "" $values) $values.containers }}
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

{{- $ports := keys $values.ports | concat (list) }}
{{- if ne $values.kind "Worker" }}{{ $ports = append $ports $values.portName }}{{ end }}
{{- range $values.containers }}{{ $ports = concat $ports (keys (default dict .ports)) }}{{ end }}
{{- range $at, $port := dict "service.targetPort" $values.service.targetPort "metrics.port" ($values.metrics.enabled | ternary (default $values.portName $values.metrics.port) "") }}
{{- if and $port (not (has $port $ports)) }}
{{- fail (printf "%s is %q, and no container has a port of this name: there are %s" $at $port (sortAlpha $ports | join ", ")) }}
{{- end }}
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
{{- if and (eq $values.kind "InferenceService") $values.networkPolicy.enabled }}
{{- fail "networkPolicy would select no pod of an InferenceService: KServe labels them; use extraObjects" }}
{{- end }}
{{- end -}}
