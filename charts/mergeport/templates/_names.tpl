{{/* What the objects are called: the release, unless overridden. */}}
{{- define "mergeport.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* The labels by which everything of a release is found. They never change during a release's life. */}}
{{- define "mergeport.selector" -}}
app.kubernetes.io/name: {{ include "mergeport.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{/* The labels of the pods that listen: with `mode: apart` those of `web`, else the only pod. */}}
{{- define "mergeport.listening" -}}
{{ include "mergeport.selector" . }}
{{- if eq .Values.mode "apart" }}
app.kubernetes.io/component: web
{{- end }}
{{- end -}}

{{/* No label depends on the image. */}}
{{- define "mergeport.labels" -}}
{{ include "mergeport.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service | quote }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | quote }}
{{- end -}}

{{/* The image by digest where there is one, else by tag. */}}
{{- define "mergeport.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is empty: name the repository, registry host included" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (required "image.tag and image.digest are both empty: one of them is needed" $image.tag) -}}
{{- end -}}
{{- end -}}

{{- define "mergeport.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mergeport.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}
