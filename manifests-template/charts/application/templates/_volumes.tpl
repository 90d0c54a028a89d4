{{/* The pod's volumes, and where a container has them. One volume of ours is one part of values.yaml. */}}
{{- define "application.volumes" -}}
- name: tmp
  emptyDir:
    sizeLimit: {{ printf "%dMi" (int .Values.temporaryFilesMegabytes) }}
{{- if .Values.cache.enabled }}
- name: cache
  {{- if .Values.cache.claimName }}
  persistentVolumeClaim:
    claimName: {{ .Values.cache.claimName | quote }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ .Values.cache.size | quote }}
  {{- end }}
{{- end }}
{{- if .Values.config.files }}
- name: config
  configMap:
    name: {{ include "application.name" . | quote }}
{{- end }}
{{- if and .Values.secrets.provider .Values.secrets.path }}
- name: secrets
  secret:
    secretName: {{ include "application.secret" . | quote }}
    defaultMode: 0440
{{- end }}
{{- if .Values.sharedMemory }}
- name: shared-memory
  emptyDir:
    medium: Memory
    sizeLimit: {{ .Values.sharedMemory | quote }}
{{- end }}
{{- if include "application.loadsModel" . }}
- name: model
  {{- if or .Values.model.claimName .Values.model.persistent }}
  persistentVolumeClaim:
    claimName: {{ default (printf "%s-model" (include "application.name" . | trunc 57 | trimSuffix "-")) .Values.model.claimName | quote }}
  {{- else }}
  emptyDir:
    sizeLimit: {{ .Values.model.size | quote }}
  {{- end }}
- name: model-loader
  configMap:
    name: {{ printf "%s-model-loader" (include "application.name" . | trunc 50 | trimSuffix "-") | quote }}
{{- end }}
{{- with .Values.volumes }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* (dict "root" $ "uses" …): /tmp, and of the others those that the container uses. */}}
{{- define "application.mounts" -}}
{{- $values := .root.Values -}}
- name: tmp
  mountPath: /tmp
{{- if and $values.cache.enabled (has "cache" .uses) }}
- name: cache
  mountPath: {{ $values.cache.path | quote }}
{{- end }}
{{- if and $values.config.files (has "config" .uses) }}
- name: config
  mountPath: {{ $values.config.path | quote }}
  readOnly: true
{{- end }}
{{- if and $values.secrets.provider $values.secrets.path (has "secrets" .uses) }}
- name: secrets
  mountPath: {{ $values.secrets.path | quote }}
  readOnly: true
{{- end }}
{{- if and $values.sharedMemory (has "sharedMemory" .uses) }}
- name: shared-memory
  mountPath: /dev/shm
{{- end }}
{{- if and (include "application.loadsModel" .root) (has "model" .uses) }}
- name: model
  mountPath: {{ $values.model.path | quote }}
  readOnly: true
{{- end }}
{{- end -}}

{{/* What libraries would write into the home directory, which is read-only, goes to the cache. */}}
{{- define "application.cacheEnv" -}}
{{- if .Values.cache.enabled }}
{{- $path := trimSuffix "/" .Values.cache.path }}
HOME: {{ $path }}
HF_HOME: {{ $path }}/huggingface
MLFLOW_ENV_ROOT: {{ $path }}/mlflow
MPLCONFIGDIR: {{ $path }}/matplotlib
NUMBA_CACHE_DIR: {{ $path }}/numba
TORCH_HOME: {{ $path }}/torch
TRITON_CACHE_DIR: {{ $path }}/triton
XDG_CACHE_HOME: {{ $path }}/xdg
{{- end }}
{{- end -}}
