{{/*
The pod that all roles share. Takes a mapping:
  root     the chart's context
  role     serve, web, worker or migrate: the command that runs
  keys     the keys of the Secret that it gets, empty ones left out
  files    MERGEPORT_…_FILE settings by name, each with its key
  state    true: the volume `state` is a claim of the StatefulSet; false: it is empty at each start
*/}}
{{- define "mergeport.pod" -}}
{{- $root := .root -}}
{{- $values := .root.Values -}}
{{- $own := dict "web" $values.web.resources "worker" $values.worker.resources -}}
{{- with $values.imagePullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . | quote }}
  {{- end }}
{{- end }}
automountServiceAccountToken: false
enableServiceLinks: false
terminationGracePeriodSeconds: {{ $values.terminationGracePeriodSeconds }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
containers:
  - name: mergeport
    image: {{ include "mergeport.image" $root | quote }}
    imagePullPolicy: {{ $values.image.pullPolicy }}
    args: [{{ .role }}]
    env:
      {{- if ne .role "migrate" }}
      - name: MERGEPORT_URL
        value: {{ required "url is empty: the base of every link that Mergeport gives" $values.url | quote }}
      - name: MERGEPORT_CONFIGURATION_REPOSITORY
        value: {{ required "configurationRepository is empty: owner/name of the repository with mergeport.yaml" $values.configurationRepository | quote }}
      {{- end }}
      {{- include "mergeport.databaseEnv" $root | nindent 6 }}
      {{- if has .role (list "serve" "web") }}
      {{- include "mergeport.webEnv" $root | nindent 6 }}
      {{- end }}
      {{- if has .role (list "serve" "worker") }}
      {{- include "mergeport.workerEnv" $root | nindent 6 }}
      {{- end }}
      {{- range $name, $key := .files }}
      - name: {{ $name | quote }}
        value: {{ include "mergeport.secretFile" $key | quote }}
      {{- end }}
      {{- if ne .role "migrate" }}
      {{- range $name, $value := $values.env }}
      - name: {{ $name | quote }}
        value: {{ $value | quote }}
      {{- end }}
      {{- end }}
    {{- if has .role (list "serve" "web") }}
    ports:
      - name: public
        containerPort: 8080
        protocol: TCP
      - name: private
        containerPort: 8081
        protocol: TCP
    startupProbe:
      httpGet:
        path: /healthz
        port: public
      periodSeconds: 2
      failureThreshold: 90
    livenessProbe:
      httpGet:
        path: /healthz
        port: public
      periodSeconds: 10
      timeoutSeconds: 5
      failureThreshold: 6
    readinessProbe:
      httpGet:
        # A pod of `web` alone accepts deliveries also while no worker is alive.
        path: {{ if eq .role "web" }}/healthz{{ else }}/readyz{{ end }}
        port: {{ if eq .role "web" }}public{{ else }}private{{ end }}
      periodSeconds: 5
      timeoutSeconds: 5
      failureThreshold: 3
    {{- end }}
    {{- if eq .role "worker" }}
    # The worker listens nowhere. It touches this file at every renewal of its lease, a few seconds apart.
    startupProbe:
      exec:
        command: [test, -e, /var/lib/mergeport/worker.alive]
      periodSeconds: 2
      failureThreshold: 90
    livenessProbe:
      exec:
        command: [sh, -c, 'find /var/lib/mergeport/worker.alive -mmin -2 | grep -q .']
      periodSeconds: 20
      timeoutSeconds: 10
      failureThreshold: 3
    {{- end }}
    {{- with get $own .role | default $values.resources }}
    resources:
      {{- toYaml . | nindent 6 }}
    {{- end }}
    securityContext:
      allowPrivilegeEscalation: false
      readOnlyRootFilesystem: true
      capabilities:
        drop: [ALL]
    volumeMounts:
      - name: state
        mountPath: /var/lib/mergeport
      - name: secret
        mountPath: /run/secrets/mergeport
        readOnly: true
      - name: tmp
        mountPath: /tmp
volumes:
  - name: secret
    secret:
      secretName: {{ $values.secret.name | quote }}
      defaultMode: 0440
      items:
        {{- range $key := concat .keys (values .files | sortAlpha) | compact | uniq }}
        - key: {{ $key | quote }}
          path: {{ $key | quote }}
        {{- end }}
  - name: tmp
    emptyDir:
      sizeLimit: 1Gi
  {{- if not .state }}
  - name: state
    emptyDir:
      sizeLimit: 1Gi
  {{- end }}
{{- with $values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* A pod's metadata. Takes `root` and `component`, which is empty where one pod is all there is. */}}
{{- define "mergeport.podMetadata" -}}
labels:
  {{- include "mergeport.selector" .root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .root.Values.podLabels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with .root.Values.podAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The claim of a pod that works. */}}
{{- define "mergeport.claim" -}}
- metadata:
    name: state
    {{- with .Values.persistence.annotations }}
    annotations:
      {{- toYaml . | nindent 6 }}
    {{- end }}
  spec:
    accessModes: [ReadWriteOnce]
    {{- with .Values.persistence.storageClass }}
    storageClassName: {{ . | quote }}
    {{- end }}
    resources:
      requests:
        storage: {{ .Values.persistence.size }}
{{- end -}}

{{/* The files of the Secret that `web` reads besides its keys: those of web hooks and of the database. JSON. */}}
{{- define "mergeport.webFiles" -}}
{{- $files := dict -}}
{{- range $name, $key := .Values.secret.files -}}
{{- if regexMatch "^MERGEPORT_(ENGINE_DATABASE_URL|(MLFLOW_)?WEBHOOK_SECRET(_PREVIOUS)?)_FILE$" $name -}}
{{- $_ := set $files $name $key -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end -}}

{{/* The files that a worker reads: all but those of web hooks. JSON. */}}
{{- define "mergeport.workerFiles" -}}
{{- $files := dict -}}
{{- range $name, $key := .Values.secret.files -}}
{{- if not (regexMatch "^MERGEPORT_(MLFLOW_)?WEBHOOK_SECRET(_PREVIOUS)?_FILE$" $name) -}}
{{- $_ := set $files $name $key -}}
{{- end -}}
{{- end -}}
{{- toJson $files -}}
{{- end -}}
