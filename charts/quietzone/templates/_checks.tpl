{{/* What the schema can't say: values that don't go together. Each sentence says what to do. */}}
{{- define "quietzone.checks" -}}
{{- $values := .Values -}}
{{- $room := 52 }}
{{- range $part, $its := $values.parts }}
{{- range $job := append (keys ($its.jobs | default dict)) "contract" }}{{ $room = min $room (sub 52 (len (printf "-%s-%s-green" (default $part $its.jobName) $job))) }}{{ end }}
{{- end }}
{{- if gt (len (include "quietzone.fullname" .)) (int $room) }}
{{- fail (printf "the name %s is too long: take a release name (or fullnameOverride) of at most %d characters, since CronJobs' names are made of it and of parts' names, and Kubernetes takes 52" (include "quietzone.fullname" .) $room) }}
{{- end }}
{{- $sources := list }}
{{- if $values.servers.existingSecret }}{{ $sources = append $sources "existingSecret" }}{{ end }}
{{- if $values.servers.urls }}{{ $sources = append $sources "urls" }}{{ end }}
{{- if $values.servers.externalSecret.enabled }}{{ $sources = append $sources "externalSecret" }}{{ end }}
{{- if eq (len $sources) 0 }}
{{- fail "where are Kafka, MongoDB, Redis and S3? Set servers.existingSecret to a Secret with QUIETZONE_BUS_URL and the other URLs (README, \"Servers\"); servers.urls makes one for development" }}
{{- end }}
{{- if gt (len $sources) 1 }}
{{- fail (printf "servers.%s: set one of them only, since each says where the servers' URLs come from" (join " and servers." $sources)) }}
{{- end }}
{{- with $values.servers.externalSecret }}
{{- if and .enabled (not (and .store.name .key)) }}
{{- fail "servers.externalSecret: set store.name and key, so that the operator knows where to look" }}
{{- end }}
{{- end }}
{{- $secrets := list }}
{{- range $part, $its := $values.parts }}
{{- range $role, $own := $its.roles }}
{{- if $own.enabled }}
{{- $secrets = concat $secrets ($own.secrets | default list) }}
{{- range $setting, $peer := $own.peers }}
{{- if not (dig "roles" "serve" "enabled" false (index $values.parts $peer | default dict)) }}
{{- fail (printf "parts.%s.roles.%s.peers.%s: there is no part %s with a role serve that is enabled" $part $role $setting $peer) }}
{{- end }}
{{- end }}
{{- if and (eq $own.kind "edge") (not $own.spool) }}
{{- fail (printf "parts.%s.roles.%s: an edge needs a spool; set spool.size" $part $role) }}
{{- end }}
{{- if and $own.public (not $own.port) }}
{{- fail (printf "parts.%s.roles.%s: what is public needs a port" $part $role) }}
{{- end }}
{{- range $kind := $own.servers }}
{{- if not (hasKey $values.networkPolicies.servers $kind) }}
{{- fail (printf "parts.%s.roles.%s.servers: %s isn't among networkPolicies.servers (%s)" $part $role $kind (keys $values.networkPolicies.servers | sortAlpha | join ", ")) }}
{{- end }}
{{- end }}
{{- if dig "autoscaling" "lag" "enabled" false $own }}
{{- if not $values.monitoring.prometheusUrl }}
{{- fail (printf "parts.%s.roles.%s.autoscaling.lag: KEDA asks Prometheus for the lag; set monitoring.prometheusUrl" $part $role) }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- if $values.servers.urls }}
{{- range uniq $secrets }}
{{- if not (index $values.servers.urls .) }}
{{- fail (printf "servers.urls.%s: not set, and an enabled part needs it" .) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $values.image.references (gt (len (include "quietzone.colors" . | fromJsonArray)) 1) }}
{{- fail "image.references: the same image in both colours is no release; set rollout.colors.<color>.tag instead" }}
{{- end }}
{{- if include "quietzone.twoColors" . }}
{{- if not (index $values.rollout.colors $values.rollout.activeColor).enabled }}
{{- fail (printf "rollout.activeColor: %s isn't enabled, so nobody would answer; set rollout.colors.%s.enabled=true first, and wait until it is ready" $values.rollout.activeColor $values.rollout.activeColor) }}
{{- end }}
{{- $working := list }}
{{- range $name, $color := $values.rollout.colors }}
{{- if and $color.enabled $color.workers }}{{ $working = append $working $name }}{{ end }}
{{- end }}
{{- if not $working }}
{{- fail "rollout.colors: no enabled colour has workers, so scans would wait to be counted; set workers=true for one" }}
{{- end }}
{{- end }}
{{- if eq $values.rollout.strategy "canary" }}
{{- if and (eq $values.rollout.canary.provider "gatewayApi") (not $values.gatewayApi.enabled) }}
{{- fail "rollout.strategy=canary: weights are set on HTTPRoutes; set gatewayApi.enabled=true, or rollout.canary.provider=argoRollouts" }}
{{- end }}
{{- if and (gt (int $values.rollout.canary.weight) 0) (eq $values.rollout.canary.provider "gatewayApi") (not (index $values.rollout.colors (include "quietzone.otherColor" .)).enabled) }}
{{- fail (printf "rollout.canary.weight: %s isn't enabled, so that its share of requests would fail; set rollout.colors.%s.enabled=true first" (include "quietzone.otherColor" .) (include "quietzone.otherColor" .)) }}
{{- end }}
{{- else if gt (int $values.rollout.canary.weight) 0 }}
{{- fail "rollout.canary.weight: only for rollout.strategy=canary; set it to 0" }}
{{- end }}
{{- if $values.gatewayApi.enabled }}
{{- if and $values.gatewayApi.create (not $values.gatewayApi.className) }}
{{- fail "gatewayApi.className: which controller shall serve the Gateway? Set it, or gatewayApi.create=false and gatewayApi.parentRefs" }}
{{- end }}
{{- if and (not $values.gatewayApi.create) (not $values.gatewayApi.parentRefs) }}
{{- fail "gatewayApi.parentRefs: name the Gateway that the routes are for, or set gatewayApi.create=true" }}
{{- end }}
{{- end }}
{{- if eq $values.hosts.scans $values.hosts.api }}
{{- fail "hosts.scans and hosts.api: two hosts, please; every path of the scan host may be a code" }}
{{- end }}
{{- if has $values.hosts.files (list $values.hosts.scans $values.hosts.api) }}
{{- fail "hosts.files: a host of its own, please; what was uploaded must not share cookies with the API, nor paths with codes" }}
{{- end }}
{{- if or $values.ingress.enabled $values.gatewayApi.enabled }}
{{- range $which := list "scans" "api" "files" }}
{{- if contains ":" (index $values.hosts $which) }}
{{- fail (printf "hosts.%s: %s has a port; Ingress and Gateway API take a host alone" $which (index $values.hosts $which)) }}
{{- end }}
{{- end }}
{{- end }}
{{- if and $values.tls.certManager.enabled (not $values.tls.certManager.issuer.name) }}
{{- fail "tls.certManager.issuer.name: who shall sign the certificates of the public hosts?" }}
{{- end }}
{{- end -}}
