{{/* Where name servers are asked. */}}
{{- define "quietzone.egressToDns" -}}
{{- $dns := .Values.networkPolicies.dns -}}
- to:
    {{- toYaml $dns.to | nindent 4 }}
  ports:
    - {protocol: UDP, port: 53}
    - {protocol: TCP, port: 53}
{{- end -}}

{{/*
Rules for the servers that a process needs: list of root and their kinds. `copies` has the port of files' public address too: to warm a cache
up, files are fetched as the world fetches them.
*/}}
{{- define "quietzone.egressToServers" -}}
{{- $root := index . 0 -}}
{{- range $kind := index . 1 | uniq | sortAlpha }}
{{- $server := index $root.Values.networkPolicies.servers $kind }}
{{- $ports := list }}
{{- range $server.ports }}{{ $ports = append $ports (int .) }}{{ end }}
{{- if eq $kind "copies" }}{{ $ports = append $ports (include "quietzone.filesPort" $root | int) }}{{ end }}
# {{ $kind }}
- to:
    {{- toYaml $server.to | nindent 4 }}
  ports:
    {{- range uniq $ports }}
    - {protocol: TCP, port: {{ . }}}
    {{- end }}
{{- end }}
{{- if and $root.Values.settings.TRACES_URL $root.Values.networkPolicies.traces.to }}
# the traces' collector
- to:
    {{- toYaml $root.Values.networkPolicies.traces.to | nindent 4 }}
  ports:
    {{- range $root.Values.networkPolicies.traces.ports }}
    - {protocol: TCP, port: {{ int . }}}
    {{- end }}
{{- end }}
{{- end -}}

{{/* Rules for the peers that a process calls, of its own colour: list of root, peers (setting: part) and colour. */}}
{{- define "quietzone.egressToPeers" -}}
{{- $root := index . 0 -}}
{{- $color := index . 2 -}}
{{- range $peer := index . 1 | values | uniq | sortAlpha }}
- to:
    - podSelector:
        matchLabels:
          {{- include "quietzone.roleSelector" (list $root $peer "serve" $color) | nindent 10 }}
  ports:
    - {protocol: TCP, port: {{ int (index $root.Values.parts $peer).roles.serve.port.number }}}
{{- end }}
{{- end -}}
