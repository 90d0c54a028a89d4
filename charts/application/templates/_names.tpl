{{/* What the objects are called: the release, unless overridden. */}}
{{- define "application.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The labels by which the Service finds its pods. They never change during a release's life. */}}
{{- define "application.selector" -}}
app.kubernetes.io/name: {{ include "application.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* No label depends on the image, so that a new image changes the image and nothing else. */}}
{{- define "application.labels" -}}
{{ include "application.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- with .Values.labels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* The metadata of every object: (list $ suffix), the suffix with its hyphen. */}}
{{- define "application.metadata" -}}
{{- $root := index . 0 -}}
{{- $suffix := index . 1 -}}
name: {{ printf "%s%s" (include "application.name" $root | trunc (int (sub 63 (len $suffix))) | trimSuffix "-") $suffix | quote }}
namespace: {{ $root.Release.Namespace | quote }}
labels:
  {{- include "application.labels" $root | nindent 2 }}
{{- end -}}

{{- define "application.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "application.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* The Secret that `secrets` makes. */}}
{{- define "application.secret" -}}
{{- default (printf "%s-secrets" (include "application.name" . | trunc 55 | trimSuffix "-")) .Values.secrets.name -}}
{{- end -}}

{{/* What an autoscaler scales. */}}
{{- define "application.target" -}}
apiVersion: {{ eq .Values.kind "Rollout" | ternary "argoproj.io/v1alpha1" "apps/v1" }}
kind: {{ eq .Values.kind "Rollout" | ternary "Rollout" "Deployment" }}
name: {{ include "application.name" . | quote }}
{{- end -}}

{{/* "yes" where the pods answer requests through a Service, else empty. */}}
{{- define "application.serves" -}}
{{- if and (has .Values.kind (list "Deployment" "Rollout")) .Values.service.enabled }}yes{{ end -}}
{{- end -}}

{{/* "yes" where an autoscaler says how many pods run, else empty. */}}
{{- define "application.scales" -}}
{{- if or .Values.autoscaling.enabled .Values.keda.enabled }}yes{{ end -}}
{{- end -}}

{{/* YAML with more keys laid over it: (dict "text" … "over" …). A list replaces a list. */}}
{{- define "application.merged" -}}
{{- $made := fromYaml .text -}}
{{- if hasKey $made "Error" }}{{ fail (printf "%s in:\n%s" $made.Error .text) }}{{ end -}}
{{- toYaml (mergeOverwrite $made (deepCopy (default dict .over))) -}}
{{- end -}}
