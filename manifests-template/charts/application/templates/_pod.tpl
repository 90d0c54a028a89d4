{{/* The pod of every kind of workload: its metadata, then its spec. */}}
{{- define "application.podMetadata" -}}
labels:
  {{- include "application.selector" . | nindent 2 }}
  {{- with .Values.labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- with .Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- $annotations := deepCopy (default dict .Values.podAnnotations) }}
{{- if .Values.config.files }}
{{- $_ := set $annotations "checksum/config" (toJson .Values.config.files | sha256sum) }}
{{- end }}
{{- if and (eq .Values.secrets.provider "sealed-secrets") .Values.secrets.sealed }}
{{- $_ := set $annotations "checksum/secrets" (toJson .Values.secrets.sealed | sha256sum) }}
{{- end }}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "application.podSpec" -}}
{{- include "application.checks" . -}}
{{- include "application.merged" (dict "text" (include "application.ownPodSpec" .) "over" .Values.podSpec) -}}
{{- end -}}

{{- define "application.ownPodSpec" -}}
{{- $batch := has .Values.kind (list "Job" "CronJob") -}}
serviceAccountName: {{ include "application.serviceAccount" . | quote }}
automountServiceAccountToken: {{ .Values.serviceAccount.automountToken }}
terminationGracePeriodSeconds: {{ int .Values.terminationGracePeriodSeconds }}
{{- if $batch }}
restartPolicy: {{ .Values.job.restartPolicy | quote }}
{{- end }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
{{- with .Values.gpu.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
securityContext:
  {{- include "application.podSecurityContext" . | nindent 2 }}
{{- with include "application.initContainers" . | fromYamlArray }}
initContainers:
  {{- toYaml . | nindent 2 }}
{{- end }}
containers:
  {{- include "application.containers" . | fromYamlArray | toYaml | nindent 2 }}
volumes:
  {{- include "application.volumes" . | nindent 2 }}
{{- with .Values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if or .Values.tolerations .Values.gpu.count }}
tolerations:
  {{- if .Values.gpu.count }}
  - key: {{ .Values.gpu.resource | quote }}
    operator: Exists
    effect: NoSchedule
  {{- end }}
  {{- with .Values.tolerations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- with .Values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- if .Values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- toYaml .Values.topologySpreadConstraints | nindent 2 }}
{{- else if has .Values.kind (list "Deployment" "Rollout" "Worker") }}
{{- include "application.spread" . }}
{{- end }}
{{- end -}}

{{- define "application.podSecurityContext" -}}
{{- $strict := dict "runAsNonRoot" true "seccompProfile" (dict "type" "RuntimeDefault") -}}
{{- with .Values.runAsUser -}}
{{- $strict = merge $strict (dict "runAsUser" (int64 .) "runAsGroup" (int64 .) "fsGroup" (int64 .) "fsGroupChangePolicy" "OnRootMismatch") -}}
{{- end -}}
{{- toYaml (mergeOverwrite $strict (deepCopy (default dict .Values.podSecurityContext))) -}}
{{- end -}}

{{/* Pods of one version are spread over zones and nodes: `prefer` never keeps a pod from running, `require` may. */}}
{{- define "application.spread" -}}
{{- $over := list -}}
{{- range $key, $how := dict "topology.kubernetes.io/zone" .Values.spread.zones "kubernetes.io/hostname" .Values.spread.nodes -}}
{{- if ne $how "ignore" -}}
{{- $over = append $over (dict "key" $key "when" (eq $how "require" | ternary "DoNotSchedule" "ScheduleAnyway")) -}}
{{- end -}}
{{- end -}}
{{- if $over }}
topologySpreadConstraints:
  {{- range $over }}
  - topologyKey: {{ .key }}
    maxSkew: 1
    whenUnsatisfiable: {{ .when }}
    labelSelector:
      matchLabels:
        {{- include "application.selector" $ | nindent 8 }}
    matchLabelKeys:
      - {{ eq $.Values.kind "Rollout" | ternary "rollouts-pod-template-hash" "pod-template-hash" }}
  {{- end }}
{{- end }}
{{- end -}}

{{/* The application, then `containers` in the order of their names, then `sidecars` as they are. */}}
{{- define "application.containers" -}}
{{- $name := eq .Values.kind "InferenceService" | ternary "kserve-container" "application" }}
{{- $main := include "application.container" (dict "root" . "name" $name "values" .Values "at" "" "main" true) }}
- {{ include "application.merged" (dict "text" $main "over" .Values.containerSpec) | indent 2 | trim }}
{{- range $name, $values := .Values.containers }}
{{- if not (has $values.type (list "init" "sidecar")) }}
- {{ include "application.named" (list $ $name $values) | indent 2 | trim }}
{{- end }}
{{- end }}
{{- range .Values.sidecars }}
- {{ include "application.asGiven" . | indent 2 | trim }}
{{- end }}
{{- end -}}

{{/* Sidecars that outlive the application, the model's loader, then those that run before it. */}}
{{- define "application.initContainers" -}}
{{- range $type := list "sidecar" "init" }}
{{- if and (eq $type "init") (include "application.loadsModel" $) }}
- {{ include "application.modelLoader" $ | indent 2 | trim }}
{{- end }}
{{- range $name, $values := $.Values.containers }}
{{- if eq $values.type $type }}
- {{ include "application.named" (list $ $name $values) | indent 2 | trim }}
{{- end }}
{{- end }}
{{- end }}
{{- range .Values.initContainers }}
- {{ include "application.asGiven" . | indent 2 | trim }}
{{- end }}
{{- end -}}

{{/* One of `containers`: (list $ name values). */}}
{{- define "application.named" -}}
{{- $values := index . 2 -}}
{{- $at := printf "containers.%s." (index . 1) -}}
{{- $text := include "application.container" (dict "root" (index . 0) "name" (index . 1) "values" $values "at" $at "main" false) -}}
{{- include "application.merged" (dict "text" $text "over" (default dict $values.containerSpec)) -}}
{{- end -}}

{{/* A container in Kubernetes' own words. A restricted security context is added where it has none. */}}
{{- define "application.asGiven" -}}
{{- $strict := include "application.securityContext" dict | fromYaml -}}
{{- toYaml (hasKey . "securityContext" | ternary . (set (deepCopy .) "securityContext" $strict)) -}}
{{- end -}}
