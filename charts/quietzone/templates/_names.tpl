{{/* What begins the name of everything: the release's name, unless fullnameOverride says another. */}}
{{- define "quietzone.fullname" -}}
{{- default .Release.Name .Values.fullnameOverride -}}
{{- end -}}

{{/* Labels of everything that is ours. */}}
{{- define "quietzone.labels" -}}
app.kubernetes.io/name: quietzone
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.costLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/* What selects the pods of this release, whatever they do. */}}
{{- define "quietzone.selector" -}}
app.kubernetes.io/name: quietzone
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What selects the pods of one role in one colour: list of root, part, role and colour. */}}
{{- define "quietzone.roleSelector" -}}
{{ include "quietzone.selector" (index . 0) }}
quietzone/part: {{ index . 1 }}
quietzone/role: {{ index . 2 }}
quietzone/color: {{ index . 3 }}
{{- end -}}

{{/* The image of a part: list of root, part and tag. */}}
{{- define "quietzone.image" -}}
{{- $image := (index . 0).Values.image -}}
{{- if index $image.references (index . 1) -}}
{{- index $image.references (index . 1) -}}
{{- else -}}
{{- with $image.registry }}{{ trimSuffix "/" . }}/{{ end -}}
{{- $image.prefix }}{{ index . 1 }}:{{ index . 2 -}}
{{- end -}}
{{- end -}}

{{/* The tag where no colour says another. */}}
{{- define "quietzone.tag" -}}
{{- default .Chart.AppVersion .Values.image.tag -}}
{{- end -}}

{{/* The colours that run, as JSON: name, tag, workers (whether its workers work), active. With one colour only there is but blue. */}}
{{- define "quietzone.colors" -}}
{{- $root := . -}}
{{- $colors := list -}}
{{- range $name := list "blue" "green" -}}
{{- $color := index $root.Values.rollout.colors $name -}}
{{- $tag := default (include "quietzone.tag" $root) $color.tag -}}
{{- if include "quietzone.twoColors" $root -}}
{{- if $color.enabled -}}
{{- $colors = append $colors (dict "name" $name "tag" $tag "workers" $color.workers "active" (eq $name $root.Values.rollout.activeColor)) -}}
{{- end -}}
{{- else if eq $name "blue" -}}
{{- $colors = append $colors (dict "name" $name "tag" $tag "workers" true "active" true) -}}
{{- end -}}
{{- end -}}
{{- toJson $colors -}}
{{- end -}}

{{/* Not empty when two colours may run beside each other. */}}
{{- define "quietzone.twoColors" -}}
{{- if eq .Values.rollout.strategy "blueGreen" }}yes{{ end -}}
{{- if and (eq .Values.rollout.strategy "canary") (eq .Values.rollout.canary.provider "gatewayApi") }}yes{{ end -}}
{{- end -}}

{{/* Not empty when Argo Rollouts replaces pods, step by step. */}}
{{- define "quietzone.argo" -}}
{{- if and (eq .Values.rollout.strategy "canary") (eq .Values.rollout.canary.provider "argoRollouts") }}yes{{ end -}}
{{- end -}}

{{- define "quietzone.activeColor" -}}
{{- if include "quietzone.twoColors" . }}{{ .Values.rollout.activeColor }}{{ else }}blue{{ end -}}
{{- end -}}

{{/* The tag of the code that answers. */}}
{{- define "quietzone.activeTag" -}}
{{- range include "quietzone.colors" . | fromJsonArray }}{{ if .active }}{{ .tag }}{{ end }}{{ end -}}
{{- end -}}

{{- define "quietzone.otherColor" -}}
{{- if eq (include "quietzone.activeColor" .) "blue" }}green{{ else }}blue{{ end -}}
{{- end -}}

{{/* The short name of a role: list of part, role and its values. */}}
{{- define "quietzone.roleName" -}}
{{- default (ternary (index . 0) (printf "%s-%s" (index . 0) (index . 1)) (eq (index . 1) "serve")) (index . 2).name -}}
{{- end -}}

{{/* Settings of several layers as JSON, the last over the others; `merge` would take `false` and 0 for unset. */}}
{{- define "quietzone.settings" -}}
{{- $settings := dict -}}
{{- range $layer := . -}}
{{- range $name, $value := $layer -}}
{{- $_ := set $settings $name $value -}}
{{- end -}}
{{- end -}}
{{- toJson $settings -}}
{{- end -}}

{{/*
All roles in all colours, as JSON: part, role, name (short), workload (its full name), color, tag, active, working (false for a worker
whose colour's workers rest), tls (whether it takes part in mTLS), spec (its values over `defaults`).
*/}}
{{- define "quietzone.roles" -}}
{{- $root := . -}}
{{- $roles := list -}}
{{- range $color := include "quietzone.colors" . | fromJsonArray -}}
{{- range $part, $values := $root.Values.parts -}}
{{- range $role, $own := $values.roles -}}
{{- if $own.enabled -}}
{{- $spec := mustMergeOverwrite (deepCopy $root.Values.defaults) (deepCopy $own) -}}
{{- $_ := set $spec "settings" (include "quietzone.settings" (list $root.Values.settings $values.settings $own.settings) | fromJson) -}}
{{- $name := include "quietzone.roleName" (list $part $role $spec) -}}
{{- $roles = append $roles (dict
  "part" $part "role" $role "name" $name "workload" (printf "%s-%s-%s" (include "quietzone.fullname" $root) $name $color.name)
  "color" $color.name "tag" $color.tag "active" $color.active "working" (or (ne $spec.kind "worker") $color.workers)
  "tls" (and $root.Values.tls.mtls.enabled (or $spec.peers (eq (($spec.port).protocol | default "") "grpc")) | not | not)
  "spec" $spec) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toJson $roles -}}
{{- end -}}

{{/*
What a one-off process of a part is given, as JSON: what all roles of the part have together. list of root, part, role, colour and tag.
*/}}
{{- define "quietzone.oneOff" -}}
{{- $root := index . 0 -}}
{{- $part := index . 1 -}}
{{- $values := index $root.Values.parts $part -}}
{{- $layers := list $root.Values.settings $values.settings -}}
{{- $needs := dict "secrets" list "optionalSecrets" list "keys" list "servers" list -}}
{{- $peers := dict -}}
{{- $identity := "" -}}
{{- range $role, $own := $values.roles -}}
{{- if $own.enabled -}}
{{- $layers = append $layers $own.settings -}}
{{- $peers = merge $peers ($own.peers | default dict) -}}
{{- range $kind, $found := $needs -}}
{{- $_ := set $needs $kind (concat $found (index $own $kind | default list) | uniq) -}}
{{- end -}}
{{- if or $own.peers (eq (($own.port).protocol | default "") "grpc") -}}
{{- $identity = include "quietzone.roleName" (list $part $role $own) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $spec := mustMergeOverwrite (deepCopy $root.Values.defaults) $needs (dict "settings" (include "quietzone.settings" $layers | fromJson) "peers" $peers "kind" "oneOff") -}}
{{- $_ := set $spec "keys" (without $spec.keys "account") -}}
{{- toJson (dict "part" $part "role" (index . 2) "name" $identity "color" (index . 3) "tag" (index . 4)
  "tls" (and $root.Values.tls.mtls.enabled $identity | not | not) "spec" $spec) -}}
{{- end -}}

{{/* The Secret with the servers' URLs. */}}
{{- define "quietzone.serversSecret" -}}
{{- default (printf "%s-servers" (include "quietzone.fullname" .)) .Values.servers.existingSecret -}}
{{- end -}}

{{/* The same for Jobs that run before the release's own objects are there. */}}
{{- define "quietzone.serversSecretOfHooks" -}}
{{- default (printf "%s-servers-prepare" (include "quietzone.fullname" .)) .Values.servers.existingSecret -}}
{{- end -}}

{{- define "quietzone.accountSecret" -}}
{{- default (printf "%s-account" (include "quietzone.fullname" .)) .Values.account.existingSecret -}}
{{- end -}}

{{- define "quietzone.callerSecret" -}}
{{- default (printf "%s-caller" (include "quietzone.fullname" .)) .Values.callerKey.existingSecret -}}
{{- end -}}

{{/* Where people reach the API. */}}
{{- define "quietzone.publicUrl" -}}
{{- ternary "https" "http" .Values.hosts.https }}://{{ .Values.hosts.api -}}
{{- end -}}

{{/* What signed URLs of files begin with. */}}
{{- define "quietzone.filesUrl" -}}
{{- ternary "https" "http" .Values.hosts.https }}://{{ .Values.hosts.files -}}
{{- end -}}

{{/* The port of files' public address. */}}
{{- define "quietzone.filesPort" -}}
{{- regexFind ":[0-9]+$" .Values.hosts.files | trimPrefix ":" | default (ternary "443" "80" .Values.hosts.https) -}}
{{- end -}}

{{/* What every printed symbol says before the slug. */}}
{{- define "quietzone.scanBaseUrl" -}}
{{- ternary "https" "http" .Values.hosts.https }}://{{ .Values.hosts.scans -}}
{{- end -}}

{{/* The port of a public Service: list of root and the role's short name. */}}
{{- define "quietzone.publicPort" -}}
{{- $wanted := index . 1 -}}
{{- range $part, $values := (index . 0).Values.parts -}}
{{- range $role, $own := $values.roles -}}
{{- if and $own.public (eq $wanted (include "quietzone.roleName" (list $part $role $own))) }}{{ int $own.port.number }}{{ end -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The Secret with the certificate of a public host: list of root and `scans`, `api` or `files`. */}}
{{- define "quietzone.hostSecret" -}}
{{- $root := index . 0 -}}
{{- default (printf "%s-%s-tls" (include "quietzone.fullname" $root) (index . 1)) (index $root.Values.tls.secrets (index . 1)) -}}
{{- end -}}
