{{/* Where a secret's key is found as a file. */}}
{{- define "mergeport.secretFile" -}}
{{- printf "/run/secrets/mergeport/%s" . -}}
{{- end -}}

{{/* The settings by which the database is found. */}}
{{- define "mergeport.databaseEnv" -}}
{{- with .Values.secret.keys.databaseUrl -}}
- name: MERGEPORT_DATABASE_URL_FILE
  value: {{ include "mergeport.secretFile" . | quote }}
{{- else -}}
- name: MERGEPORT_DATABASE_URL
  value: sqlite:////var/lib/mergeport/mergeport.db
{{- end }}
- name: MERGEPORT_STATE_DIRECTORY
  value: /var/lib/mergeport
{{- end -}}

{{/* The settings of who listens. */}}
{{- define "mergeport.webEnv" -}}
- name: MERGEPORT_PUBLIC_BIND
  value: "0.0.0.0:8080"
- name: MERGEPORT_PRIVATE_BIND
  value: "0.0.0.0:8081"
- name: MERGEPORT_WEBHOOK_SECRET_FILE
  value: {{ include "mergeport.secretFile" .Values.secret.keys.webhook | quote }}
{{- end -}}

{{/* The settings of who works: its credentials. For GitHub an App when it has an id, else the token. Neither is an error. */}}
{{- define "mergeport.workerEnv" -}}
{{- $keys := .Values.secret.keys -}}
{{- if .Values.github.appId -}}
- name: MERGEPORT_GITHUB_APP_ID
  value: {{ .Values.github.appId | quote }}
- name: MERGEPORT_GITHUB_APP_PRIVATE_KEY_FILE
  value: {{ include "mergeport.secretFile" (required "github.appId needs secret.keys.githubAppPrivateKey" $keys.githubAppPrivateKey) | quote }}
{{- else -}}
- name: MERGEPORT_GITHUB_TOKEN_FILE
  value: {{ include "mergeport.secretFile" (required "give secret.keys.githubToken, or github.appId with secret.keys.githubAppPrivateKey" $keys.githubToken) | quote }}
{{- end }}
{{- with .Values.argocd.url }}
- name: MERGEPORT_ARGOCD_URL
  value: {{ . | quote }}
- name: MERGEPORT_ARGOCD_TOKEN_FILE
  value: {{ include "mergeport.secretFile" (required "argocd.url needs secret.keys.argocdToken" $keys.argocdToken) | quote }}
{{- end }}
{{- end -}}
