{{/* A value as an environment variable has it: whole numbers without an exponent. */}}
{{- define "quietzone.text" -}}
{{- if and (kindIs "float64" .) (eq . (floor .)) }}{{ int64 . }}{{ else }}{{ toString . }}{{ end -}}
{{- end -}}

{{- define "quietzone.podSecurity" -}}
runAsNonRoot: true
runAsUser: 10001
runAsGroup: 10001
fsGroup: 10001
fsGroupChangePolicy: OnRootMismatch
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "quietzone.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{/* The environment of one container: dict of root, item (of quietzone.roles), spec (its own, of a sidecar too) and secret. */}}
{{- define "quietzone.env" -}}
{{- $root := .root -}}
{{- $item := .item -}}
{{- $spec := .spec -}}
{{- range $name, $value := $spec.settings }}
{{- $text := include "quietzone.text" $value }}
- name: QUIETZONE_{{ $name }}
  value: {{ tpl $text $root | quote }}
{{- end }}
{{- with $spec.port }}
{{- if .setting }}
- name: QUIETZONE_{{ .setting }}
  value: {{ ternary (printf "0.0.0.0:%d" (int .number)) (toString (int .number)) (eq .protocol "grpc") | quote }}
{{- end }}
{{- end }}
{{- range $name, $peer := $spec.peers }}
{{- $serve := (index $root.Values.parts $peer).roles.serve }}
- name: QUIETZONE_{{ $name }}
  value: {{ printf "%s-%s-%s:%d" (include "quietzone.fullname" $root) $peer $item.color (int $serve.port.number) | quote }}
{{- end }}
{{- range $spec.secrets }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.secret }}, key: {{ . }}}}
{{- end }}
{{- range $spec.optionalSecrets }}
{{- if not (hasKey ($spec.settings | default dict) (trimPrefix "QUIETZONE_" .)) }}
- name: {{ . }}
  valueFrom: {secretKeyRef: {name: {{ $.secret }}, key: {{ . }}, optional: true}}
{{- end }}
{{- end }}
{{- if has "caller" $spec.keys }}
- name: QUIETZONE_CALLER_KEY
  valueFrom: {secretKeyRef: {name: {{ include "quietzone.callerSecret" $root }}, key: QUIETZONE_CALLER_KEY}}
{{- end }}
{{- if has "gateway" $spec.keys }}
- name: QUIETZONE_GATEWAY_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "quietzone.accountSecret" $root }}, key: QUIETZONE_GATEWAY_SECRET_KEY, optional: true}}
{{- end }}
{{- if has "notification" $spec.keys }}
- name: QUIETZONE_NOTIFICATION_SECRET_KEY
  valueFrom: {secretKeyRef: {name: {{ include "quietzone.accountSecret" $root }}, key: QUIETZONE_NOTIFICATION_SECRET_KEY, optional: true}}
{{- end }}
{{- if has "account" $spec.keys }}
- name: QUIETZONE_API_KEY
  valueFrom: {secretKeyRef: {name: {{ include "quietzone.accountSecret" $root }}, key: QUIETZONE_API_KEY}}
{{- end }}
{{- if and $item.tls .tls }}
- {name: QUIETZONE_RPC_TLS_CERT, value: /etc/quietzone/tls/tls.crt}
- {name: QUIETZONE_RPC_TLS_KEY, value: /etc/quietzone/tls/tls.key}
- {name: QUIETZONE_RPC_TLS_CA, value: /etc/quietzone/tls/ca.crt}
{{- end }}
{{- end -}}

{{/* What pods of a role mount, as a container sees it: dict of root, item, spec and tls. */}}
{{- define "quietzone.mounts" -}}
- {name: tmp, mountPath: /tmp}
{{- if .root.Values.servers.filesSecret }}
- {name: servers, mountPath: /etc/quietzone/servers, readOnly: true}
{{- end }}
{{- if and .item.tls .tls }}
- {name: tls, mountPath: /etc/quietzone/tls, readOnly: true}
{{- end }}
{{- if .spool }}
- {name: spool, mountPath: /spool}
{{- end }}
{{- if and .item.workload .item.spec.files }}
- {name: files, mountPath: /etc/quietzone/files, readOnly: true}
{{- end }}
{{- if and .item.workload .root.Values.development.sync }}
- {name: code, mountPath: /quietzone}
{{- end }}
{{- end -}}

{{- define "quietzone.volumes" -}}
- name: tmp
  emptyDir: {sizeLimit: {{ .item.spec.tempSize }}}
{{- if and .item.workload .item.spec.files }}
- name: files
  configMap: {name: {{ .item.workload }}-files}
{{- end }}
{{- if and .item.workload .root.Values.development.sync }}
- name: code
  emptyDir: {sizeLimit: 64Mi}
{{- end }}
{{- if .root.Values.servers.filesSecret }}
- name: servers
  secret: {secretName: {{ .root.Values.servers.filesSecret }}, defaultMode: 0440}
{{- end }}
{{- if .item.tls }}
- name: tls
  secret: {secretName: {{ include "quietzone.mtlsSecret" (list .root .item.name) }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* The Secret with a role's certificate for calls between services: list of root and the role's short name. */}}
{{- define "quietzone.mtlsSecret" -}}
{{- $root := index . 0 -}}
{{- default (printf "%s-%s-mtls" (include "quietzone.fullname" $root) (index . 1)) $root.Values.tls.mtls.existingSecret -}}
{{- end -}}

{{/* The three probes: dict of spec and port (the name of the operators' port). */}}
{{- define "quietzone.probes" -}}
startupProbe:
  httpGet: {path: /readyz, port: {{ .port }}}
  {{- toYaml .spec.probes.startup | nindent 2 }}
readinessProbe:
  httpGet: {path: /readyz, port: {{ .port }}}
  {{- toYaml .spec.probes.readiness | nindent 2 }}
livenessProbe:
  httpGet: {path: /healthz, port: {{ .port }}}
  {{- toYaml .spec.probes.liveness | nindent 2 }}
{{- end -}}

{{/*
How long a pod may take to end: endpoints notice, its process drains and closes, then its sidecars do, one after the other:
dict of spec and defaults.
*/}}
{{- define "quietzone.grace" -}}
{{- $grace := add (ternary (int .spec.preStopSeconds) 0 (hasKey .spec "port")) (int .spec.drainSeconds) (int .spec.closeSeconds) -}}
{{- range $name, $sidecar := .spec.sidecars -}}
{{- $grace = add $grace (int (default $.defaults.drainSeconds $sidecar.drainSeconds)) (int $.spec.closeSeconds) -}}
{{- end -}}
{{- $grace -}}
{{- end -}}

{{/* The containers of a role: dict of root and item. */}}
{{- define "quietzone.containers" -}}
{{- $root := .root -}}
{{- $item := .item -}}
{{- $spec := $item.spec -}}
{{- $image := include "quietzone.image" (list $root $item.part $item.tag) -}}
{{- if or $spec.sidecars $root.Values.development.sync }}
initContainers:
  {{- if $root.Values.development.sync }}
  - name: code # what is copied into an image's folder would be refused: this one can be written to
    image: {{ $image }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [cp, -r, /quietzone/., /code]
    resources:
      {{- toYaml $root.Values.prepare.resources | nindent 6 }}
    securityContext:
      {{- include "quietzone.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - {name: code, mountPath: /code}
  {{- end }}
  {{- range $role, $own := $spec.sidecars }}
  {{- $sidecar := mustMergeOverwrite (deepCopy $root.Values.defaults) (deepCopy $own) }}
  {{- $_ := set $sidecar "settings" (include "quietzone.settings" (list $root.Values.settings (index $root.Values.parts $item.part).settings $own.settings) | fromJson) }}
  - name: {{ $role }}
    image: {{ $image }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    restartPolicy: Always # a native sidecar: it starts before the role, and stops after it
    args: [{{ $role }}]
    ports:
      - {name: {{ printf "ops-%s" $role | trunc 15 | trimSuffix "-" }}, containerPort: {{ int $sidecar.opsPort }}}
    env:
      - {name: QUIETZONE_OPS_PORT, value: {{ int $sidecar.opsPort | quote }}}
      - {name: QUIETZONE_DRAIN_S, value: {{ int $sidecar.drainSeconds | quote }}}
      {{- include "quietzone.env" (dict "root" $root "item" $item "spec" $sidecar "secret" (include "quietzone.serversSecret" $root) "tls" false) | nindent 6 }}
    {{- /* Its start isn't waited for: scans are answered and spooled while the bus, and so the sidecar, isn't ready. */}}
    livenessProbe:
      httpGet: {path: /healthz, port: {{ printf "ops-%s" $role | trunc 15 | trimSuffix "-" }}}
      {{- toYaml $sidecar.probes.liveness | nindent 6 }}
    resources:
      {{- toYaml $sidecar.resources | nindent 6 }}
    securityContext:
      {{- include "quietzone.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      {{- include "quietzone.mounts" (dict "root" $root "item" $item "spool" $spec.spool "tls" false) | nindent 6 }}
  {{- end }}
{{- end }}
containers:
  - name: {{ $item.role }}
    image: {{ $image }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [{{ $item.role }}]
    ports:
      {{- with $spec.port }}
      - {name: {{ .protocol }}, containerPort: {{ int .number }}}
      {{- end }}
      - {name: ops, containerPort: {{ int $spec.opsPort }}}
    env:
      - {name: QUIETZONE_OPS_PORT, value: {{ int $spec.opsPort | quote }}}
      - {name: QUIETZONE_DRAIN_S, value: {{ int $spec.drainSeconds | quote }}}
      {{- include "quietzone.env" (dict "root" $root "item" $item "spec" $spec "secret" (include "quietzone.serversSecret" $root) "tls" true) | nindent 6 }}
    {{- include "quietzone.probes" (dict "spec" $spec "port" "ops") | nindent 4 }}
    {{- if and $spec.port (gt (int $spec.preStopSeconds) 0) }}
    lifecycle:
      preStop: {sleep: {seconds: {{ int $spec.preStopSeconds }}}} # until all proxies have heard that it leaves
    {{- end }}
    resources:
      {{- toYaml $spec.resources | nindent 6 }}
    securityContext:
      {{- include "quietzone.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      {{- include "quietzone.mounts" (dict "root" $root "item" $item "spool" $spec.spool "tls" true) | nindent 6 }}
{{- end -}}

{{/* The pod of a role: dict of root and item. */}}
{{- define "quietzone.pod" -}}
{{- $root := .root -}}
{{- $item := .item -}}
{{- $spec := $item.spec -}}
{{- $selector := include "quietzone.roleSelector" (list $root $item.part $item.role $item.color) -}}
metadata:
  labels:
    {{- include "quietzone.podLabels" (dict "root" $root "item" $item) | nindent 4 }}
  annotations:
    {{- if not $root.Values.servers.existingSecret }}
    checksum/servers: {{ toJson (list $root.Values.servers.urls $root.Values.servers.externalSecret) | sha256sum }}
    {{- end }}
    checksum/revision: {{ $root.Values.servers.revision | sha256sum }}
    {{- with $spec.files }}
    checksum/files: {{ toJson . | sha256sum }}
    {{- end }}
    {{- with $spec.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "quietzone.fullname" $root }}-{{ $item.part }}
  {{- include "quietzone.podBasics" (dict "root" $root "spec" $spec) | nindent 2 }}
  terminationGracePeriodSeconds: {{ include "quietzone.grace" (dict "spec" $spec "defaults" $root.Values.defaults) }}
  {{- with $spec.dnsOptions }}
  dnsConfig:
    options:
      {{- range $name, $value := . }}
      - {name: {{ $name }}, value: {{ $value | quote }}}
      {{- end }}
  {{- end }}
  {{- with $spec.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $spec.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  topologySpreadConstraints:
    {{- range list "topology.kubernetes.io/zone" "kubernetes.io/hostname" }}
    - maxSkew: 1
      topologyKey: {{ . }}
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- $selector | nindent 10 }}
    {{- end }}
  {{- include "quietzone.containers" . | nindent 2 }}
  volumes:
    {{- include "quietzone.volumes" . | nindent 4 }}
{{- end -}}

{{/* What each of our pods has in common: dict of root and spec. */}}
{{- define "quietzone.podBasics" -}}
automountServiceAccountToken: false
enableServiceLinks: false # a Service `quietzone-gateway` would set QUIETZONE_GATEWAY_PORT, which is a setting of ours
securityContext:
  {{- include "quietzone.podSecurity" .root | nindent 2 }}
{{- with .root.Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .spec.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .spec.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "quietzone.podLabels" -}}
{{ include "quietzone.roleSelector" (list .root .item.part .item.role .item.color) }}
app.kubernetes.io/component: {{ .item.part }}-{{ .item.role }}
app.kubernetes.io/version: {{ .item.tag | quote }}
{{- with .root.Values.costLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What the containers of Jobs have in common. */}}
{{- define "quietzone.oneOffContainer" -}}
resources:
  {{- toYaml .Values.prepare.resources | nindent 2 }}
securityContext:
  {{- include "quietzone.containerSecurity" . | nindent 2 }}
volumeMounts:
  {{- include "quietzone.mounts" (dict "root" . "item" (dict "tls" false)) | nindent 2 }}
{{- end -}}

{{/* The pod of a one-off process of a part: dict of root, item (of quietzone.oneOff), args and claim (a spool's, or empty). */}}
{{- define "quietzone.oneOffPod" -}}
{{- $root := .root -}}
{{- $item := .item -}}
metadata:
  labels:
    {{- include "quietzone.podLabels" . | nindent 4 }}
spec:
  serviceAccountName: {{ include "quietzone.fullname" $root }}-{{ $item.part }}
  {{- include "quietzone.podBasics" (dict "root" $root "spec" $root.Values.defaults) | nindent 2 }}
  restartPolicy: Never
  containers:
    - name: {{ $item.role }}
      image: {{ include "quietzone.image" (list $root $item.part $item.tag) }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args: {{ toJson .args }}
      env:
        {{- include "quietzone.env" (dict "root" $root "item" $item "spec" $item.spec "secret" (include "quietzone.serversSecret" $root) "tls" true) | nindent 8 }}
      resources:
        {{- toYaml $root.Values.prepare.resources | nindent 8 }}
      securityContext:
        {{- include "quietzone.containerSecurity" $root | nindent 8 }}
      volumeMounts:
        {{- include "quietzone.mounts" (dict "root" $root "item" $item "spool" .claim "tls" true) | nindent 8 }}
  volumes:
    {{- include "quietzone.volumes" . | nindent 4 }}
    {{- if .claim }}
    - name: spool
      persistentVolumeClaim: {claimName: {{ .claim }}}
    {{- end }}
{{- end -}}

{{/* The main job, from inside: issue codes, draw them, scan them, and wait until each scan is counted. list of root, tag, and the suffix of the Services. */}}
{{- define "quietzone.tourSpec" -}}
{{- $root := index . 0 -}}
{{- $full := include "quietzone.fullname" $root -}}
{{- include "quietzone.podBasics" (dict "root" $root "spec" $root.Values.defaults) | nindent 0 }}
restartPolicy: Never
activeDeadlineSeconds: 300
containers:
  - name: tour
    image: {{ include "quietzone.image" (list $root "cli" (index . 1)) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    args: [tour, --examples, /test/test.csv, --out, /tmp/out]
    env:
      - {name: QUIETZONE_API_URL, value: "http://{{ $full }}-gateway{{ index . 2 }}:{{ include "quietzone.publicPort" (list $root "gateway") }}"}
      - {name: QUIETZONE_SCANS_URL, value: "http://{{ $full }}-edge{{ index . 2 }}:{{ include "quietzone.publicPort" (list $root "edge") }}"}
      - name: QUIETZONE_API_KEY
        valueFrom: {secretKeyRef: {name: {{ include "quietzone.accountSecret" $root }}, key: QUIETZONE_API_KEY}}
      - {name: COLUMNS, value: "140"}
    resources:
      {{- toYaml $root.Values.prepare.resources | nindent 6 }}
    securityContext:
      {{- include "quietzone.containerSecurity" $root | nindent 6 }}
    volumeMounts:
      - {name: tmp, mountPath: /tmp}
      - {name: test, mountPath: /test, readOnly: true}
volumes:
  - name: tmp
    emptyDir: {sizeLimit: {{ $root.Values.defaults.tempSize }}}
  - name: test
    configMap: {name: {{ $full }}-test}
{{- end -}}

{{/* Waits for `kubectl exec`, with all that the command `quietzone` needs: every server, and the API of what answers. list of root and tag. */}}
{{- define "quietzone.consoleSpec" -}}
{{- $root := index . 0 -}}
{{- $secrets := list -}}
{{- $optional := list -}}
{{- range $part, $values := $root.Values.parts -}}
{{- range $role, $own := $values.roles -}}
{{- if $own.enabled -}}
{{- $secrets = concat $secrets ($own.secrets | default list) | uniq -}}
{{- $optional = concat $optional ($own.optionalSecrets | default list) | uniq -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $item := dict "tls" false "color" "" "spec" $root.Values.defaults -}}
{{- $spec := dict "secrets" $secrets "optionalSecrets" $optional "keys" (list "account") -}}
serviceAccountName: {{ include "quietzone.fullname" $root }}-analytics # whose rights at a cloud are those to the archive
{{ include "quietzone.podBasics" (dict "root" $root "spec" $root.Values.defaults) }}
restartPolicy: Never
terminationGracePeriodSeconds: 1
containers:
  - name: console
    image: {{ include "quietzone.image" (list $root "cli" (index . 1)) }}
    imagePullPolicy: {{ $root.Values.image.pullPolicy }}
    command: [sleep, "3600"]
    env:
      - {name: BACKENDS, value: real}
      - {name: QUIETZONE_API_URL, value: "http://{{ include "quietzone.fullname" $root }}-gateway:{{ include "quietzone.publicPort" (list $root "gateway") }}"}
      {{- include "quietzone.env" (dict "root" $root "item" $item "spec" $spec "secret" (include "quietzone.serversSecret" $root) "tls" false) | nindent 6 }}
    {{- include "quietzone.oneOffContainer" $root | nindent 4 }}
volumes:
  {{- include "quietzone.volumes" (dict "root" $root "item" $item) | nindent 2 }}
{{- end -}}
