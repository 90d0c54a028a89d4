{{/* "yes" where an init container fetches the model, else empty. KServe fetches it itself. */}}
{{- define "application.loadsModel" -}}
{{- if and .Values.model.uri .Values.model.load (ne .Values.kind "InferenceService") }}yes{{ end -}}
{{- end -}}

{{/* A folder of its own for each model, so that pods of two versions may share one volume. */}}
{{- define "application.modelFolder" -}}
{{- printf "%s/%s" (trimSuffix "/" .Values.model.path) (printf "%s %s" .Values.model.uri .Values.model.sha256 | sha256sum | trunc 16) -}}
{{- end -}}

{{- define "application.modelEnv" -}}
{{- with .Values.model.uri }}
MODEL_URI: {{ . | quote }}
{{- end }}
{{- with .Values.model.version }}
MODEL_VERSION: {{ . | quote }}
{{- end }}
{{- if include "application.loadsModel" . }}
MODEL_PATH: {{ include "application.modelFolder" . | quote }}
{{- end }}
{{- end -}}

{{/* The init container that fetches the model and verifies its checksum: files/load-model.sh. */}}
{{- define "application.modelLoader" -}}
name: load-model
image: {{ include "application.image" (dict "image" .Values.model.image "at" "model.image") | quote }}
imagePullPolicy: {{ default "IfNotPresent" .Values.model.image.pullPolicy }}
command: ["/bin/sh", "/model-loader/load-model.sh"]
env:
  - name: HOME
    value: /tmp
  - name: MODEL_URI
    value: {{ .Values.model.uri | quote }}
  - name: MODEL_SHA256
    value: {{ .Values.model.sha256 | quote }}
  - name: MODEL_PATH
    value: {{ include "application.modelFolder" . | quote }}
  {{- range $name, $value := .Values.model.env }}
  - name: {{ $name | quote }}
    {{- if kindIs "map" $value }}
    {{- toYaml $value | nindent 4 }}
    {{- else }}
    value: {{ $value | quote }}
    {{- end }}
  {{- end }}
{{- if and .Values.secrets.provider (not .Values.secrets.path) }}
envFrom:
  - secretRef:
      name: {{ include "application.secret" . | quote }}
{{- end }}
resources:
  {{- toYaml .Values.model.resources | nindent 2 }}
securityContext:
  {{- include "application.securityContext" dict | nindent 2 }}
volumeMounts:
  - name: tmp
    mountPath: /tmp
  - name: model
    mountPath: {{ .Values.model.path | quote }}
  - name: model-loader
    mountPath: /model-loader
    readOnly: true
{{- end -}}
