{{- define "lockkeeper.selector" -}}
app.kubernetes.io/name: lockkeeper
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "lockkeeper.labels" -}}
{{ include "lockkeeper.selector" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- /* The founding members and their peer addresses, which the quorum's log keeps. */ -}}
{{- define "lockkeeper.founders" -}}
{{- $scheme := ternary "https" "http" .Values.tls.enabled }}
{{- range $i := until (int .Values.members) }}
{{- if $i }},{{ end }}{{ $.Release.Name }}-{{ $i }}={{ $scheme }}://{{ $.Release.Name }}-{{ $i }}.{{ $.Release.Name }}-members.$(POD_NAMESPACE).svc:2380
{{- end }}
{{- end }}

{{- /* Where clients come, member by member: one that fails is left for the next. */ -}}
{{- define "lockkeeper.doors" -}}
{{- range $i := until (int .Values.members) }}
{{- if $i }},{{ end }}{{ $.Release.Name }}-{{ $i }}.{{ $.Release.Name }}-members:7070
{{- end }}
{{- end }}
