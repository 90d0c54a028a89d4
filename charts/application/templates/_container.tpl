{{/* An image by digest where there is one, else by tag: (dict "image" … "at" …), `at` for the error's words. */}}
{{- define "application.image" -}}
{{- $image := default dict .image -}}
{{- $repository := required (printf "%s.repository is empty: name the repository, registry host included" .at) $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository (required (printf "%s.tag and %s.digest are both empty: one of them is needed" .at .at) $image.tag) -}}
{{- end -}}
{{- end -}}

{{/*
One container of ours: (dict "root" $ "name" … "values" … "at" … "main" …).
`values` has the same keys for the application, at the top of values.yaml, and for each of `containers`.
*/}}
{{- define "application.container" -}}
{{- $root := .root -}}
{{- $values := .values -}}
{{- $portName := default "http" $values.portName -}}
{{- $serves := and (include "application.serves" $root) (not (has $values.type (list "init" "sidecar"))) -}}
{{- $uses := .main | ternary (list "cache" "config" "model" "secrets" "sharedMemory") (default list $values.uses) -}}
name: {{ .name | quote }}
image: {{ include "application.image" (dict "image" $values.image "at" (printf "%simage" .at)) | quote }}
imagePullPolicy: {{ default "IfNotPresent" $values.image.pullPolicy }}
{{- if eq $values.type "sidecar" }}
restartPolicy: Always
{{- end }}
{{- with $values.command }}
command:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.args }}
args:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- $env := dict }}
{{- if has "cache" $uses }}{{ $env = merge $env (include "application.cacheEnv" $root | fromYaml) }}{{ end }}
{{- if has "model" $uses }}{{ $env = merge $env (include "application.modelEnv" $root | fromYaml) }}{{ end }}
{{- $env = merge (deepCopy (default dict $values.env)) $env }}
{{- if or $env $values.extraEnv }}
env:
  {{- range $name, $value := $env }}
  - name: {{ $name | quote }}
    {{- if kindIs "map" $value }}
    {{- toYaml $value | nindent 4 }}
    {{- else }}
    value: {{ $value | quote }}
    {{- end }}
  {{- end }}
  {{- with $values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- $secret := and (has "secrets" $uses) $root.Values.secrets.provider (not $root.Values.secrets.path) }}
{{- if or $secret $values.envFromSecrets $values.envFromConfigMaps $values.envFrom }}
envFrom:
  {{- if $secret }}
  - secretRef:
      name: {{ include "application.secret" $root | quote }}
  {{- end }}
  {{- range $values.envFromSecrets }}
  - secretRef:
      name: {{ . | quote }}
  {{- end }}
  {{- range $values.envFromConfigMaps }}
  - configMapRef:
      name: {{ . | quote }}
  {{- end }}
  {{- with $values.envFrom }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- $mainPort := and .main (has $root.Values.kind (list "Deployment" "Rollout" "InferenceService")) }}
{{- if or $mainPort $values.ports }}
ports:
  {{- if $mainPort }}
  - name: {{ $portName | quote }}
    containerPort: {{ int $values.containerPort }}
    protocol: TCP
  {{- end }}
  {{- range $name, $port := $values.ports }}
  - name: {{ $name | quote }}
    containerPort: {{ int $port.containerPort }}
    protocol: {{ default "TCP" $port.protocol }}
  {{- end }}
{{- end }}
{{- range $moment, $probe := $values.probes }}
{{- $own := or $probe.exec $probe.tcpSocket $probe.grpc $probe.httpGet }}
{{- if and (ne $probe.enabled false) (or $own $mainPort (not $.main)) }}
{{ $moment }}Probe:
  {{- if $own }}
  {{- toYaml (omit $probe "enabled" "path" "port" "scheme" "httpHeaders") | nindent 2 }}
  {{- else }}
  httpGet:
    path: {{ $probe.path | quote }}
    port: {{ default $portName $probe.port | toJson }}
    {{- with pick $probe "scheme" "httpHeaders" }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with omit $probe "enabled" "path" "port" "scheme" "httpHeaders" }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
  {{- end }}
{{- end }}
{{- end }}
{{- /* Requests still come for some seconds after a pod was asked to stop: it goes on answering them. */}}
{{- $delay := min (int $root.Values.stopDelaySeconds) (div (int $root.Values.terminationGracePeriodSeconds) 2) | int }}
{{- if $values.lifecycle }}
lifecycle:
  {{- toYaml $values.lifecycle | nindent 2 }}
{{- else if and $serves $delay }}
lifecycle:
  preStop:
    sleep:
      seconds: {{ $delay }}
{{- end }}
{{- $resources := deepCopy (default dict $values.resources) }}
{{- if and $root.Values.gpu.count (eq $root.Values.gpu.container (.main | ternary "application" .name)) }}
{{- $limits := default dict $resources.limits }}
{{- $_ := set $limits $root.Values.gpu.resource (int $root.Values.gpu.count) }}
{{- $_ := set $resources "limits" $limits }}
{{- end }}
{{- with $resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  {{- include "application.securityContext" (dict "writableRoot" $values.writableRoot "over" $values.securityContext) | nindent 2 }}
volumeMounts:
  {{- include "application.mounts" (dict "root" $root "uses" $uses) | nindent 2 }}
  {{- with $values.volumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* What the Pod Security Standard "restricted" asks of a container. */}}
{{- define "application.securityContext" -}}
{{- $strict := dict "allowPrivilegeEscalation" false "readOnlyRootFilesystem" (not .writableRoot) "capabilities" (dict "drop" (list "ALL")) -}}
{{- toYaml (mergeOverwrite $strict (deepCopy (default dict .over))) -}}
{{- end -}}
