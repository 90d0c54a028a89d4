{{/* What the objects are called: the release, unless overridden. */}}
{{- define "mergeport.name" -}}
{{- default .Release.Name .Values.fullnameOverride | trunc 52 | trimSuffix "-" -}}
{{- end -}}

{{/* The labels by which the Service finds its pods. They never change during a release's life. */}}
{{- define "mergeport.selector" -}}
app.kubernetes.io/name: {{ include "mergeport.name" . | quote }}
app.kubernetes.io/instance: {{ .Release.Name | quote }}
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

{{/* Where a secret's key is found as a file. */}}
{{- define "mergeport.secretFile" -}}
{{- printf "/run/secrets/mergeport/%s" . -}}
{{- end -}}

{{/* The credential for GitHub: an App when it has an id, else the token. Neither is an error. */}}
{{- define "mergeport.githubEnv" -}}
{{- $keys := .Values.secret.keys -}}
{{- if .Values.github.appId -}}
- name: MERGEPORT_GITHUB_APP_ID
  value: {{ .Values.github.appId | quote }}
- name: MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE
  value: {{ include "mergeport.secretFile" (required "github.appId needs secret.keys.githubAppPrivateKey" $keys.githubAppPrivateKey) | quote }}
{{- else -}}
- name: MERGEPORT_GITHUB_TOKEN_FILE
  value: {{ include "mergeport.secretFile" (required "give secret.keys.githubToken, or github.appId with secret.keys.githubAppPrivateKey" $keys.githubToken) | quote }}
{{- end -}}
{{- end -}}
