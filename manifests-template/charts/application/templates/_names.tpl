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
{{- end -}}

{{/* The image by digest where there is one, else by tag. */}}
{{- define "application.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is empty: name the repository, registry host included" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (required "image.tag and image.digest are both empty: one of them is needed" $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "application.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "application.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* One HTTP probe: `path` and `enabled` are ours, the other fields go to Kubernetes as they are. */}}
{{- define "application.probe" -}}
httpGet:
  path: {{ .path | quote }}
  port: http
{{- with omit . "enabled" "path" }}
{{ toYaml . }}
{{- end }}
{{- end -}}
