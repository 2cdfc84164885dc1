{{- define "trimtab.name" -}}
{{- if contains "trimtab" .Release.Name -}}
{{- .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-trimtab" .Release.Name | trunc 53 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "trimtab.selectorLabels" -}}
app.kubernetes.io/name: trimtab
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end -}}

{{- define "trimtab.labels" -}}
{{ include "trimtab.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- with .Values.extraLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "trimtab.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "trimtab.name" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{- define "trimtab.image" -}}
{{- include "trimtab.reference" (dict "image" .Values.image "chart" .Chart) -}}
{{- end -}}

{{- /* The reference of an image of ours; empty without a repository. */ -}}
{{- define "trimtab.reference" -}}
{{- if .image.digest -}}
{{- printf "%s@%s" .image.repository .image.digest -}}
{{- else if .image.repository -}}
{{- printf "%s:%s" .image.repository (default .chart.AppVersion .image.tag) -}}
{{- end -}}
{{- end -}}

{{- /* The operator's settings file. Keys are those of trimtab.control.settings. */ -}}
{{- define "trimtab.config" -}}
{{- $prometheus := .Values.prometheus -}}
prometheus:
  url: {{ required "prometheus.url is empty: set it to where Prometheus answers, e.g. --set prometheus.url=http://prometheus-operated.monitoring:9090" $prometheus.url | quote }}
  {{- range $key := list "timeout" "scrapeInterval" "fastWindow" "longWindow" "staleAfter" "namespaceLabel" "podLabel" }}
  {{ $key }}: {{ get $prometheus $key | quote }}
  {{- end }}
  extraMatchers: {{ toJson $prometheus.extraMatchers }}
  {{- range $key := list "bearerTokenFile" "caFile" "clientCertFile" "clientKeyFile" }}
  {{- with get $prometheus $key }}
  {{ $key }}: {{ . | quote }}
  {{- end }}
  {{- end }}
tick: {{ .Values.tick | quote }}
resync: {{ .Values.resync | quote }}
namespaces: {{ toJson .Values.namespaces }}
nodes: {{ .Values.rbac.nodes }}
models:
  allowHostPath: {{ .Values.models.allowHostPath }}
{{- with .Values.compress }}
compress:
  image: {{ include "trimtab.reference" (dict "image" .image "chart" $.Chart) | quote }}
  imagePullPolicy: {{ .image.pullPolicy }}
  imagePullSecrets: {{ toJson .imagePullSecrets }}
  deadline: {{ .deadline | quote }}
  keep: {{ .keep | quote }}
{{- end }}
lease:
  namespace: {{ .Release.Namespace }}
  name: {{ include "trimtab.name" . }}
  {{- range $key := list "duration" "renewDeadline" "retryPeriod" }}
  {{ $key }}: {{ get $.Values.lease $key | quote }}
  {{- end }}
instance: {{ .Values.instance | quote }}
solver: {{ .Values.solver }}
roomForBursts: {{ .Values.roomForBursts }}
logFormat: {{ .Values.logFormat }}
{{- end -}}

{{- /* What trimtab does within a namespace that it serves. */ -}}
{{- define "trimtab.namespacedRules" -}}
- apiGroups: [trimtab.dev]
  resources: [modeldeployments, inferencebudgets]
  verbs: [list, watch]
- apiGroups: [trimtab.dev]
  resources: [modeldeployments/status]
  verbs: [patch]
# The children. Server-side apply needs patch, and create for what is not there yet; get tells a free
# name from a user's own object.
- apiGroups: [apps]
  resources: [deployments]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [services, configmaps]
  verbs: [get, list, watch, create, patch, delete]
# Compressions (spec.compression). Their pods get no token.
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [monitoring.coreos.com]
  resources: [podmonitors]
  verbs: [get, list, watch, create, patch, delete]
# Models with routing.type Gateway: their routes, and Envoy Gateway's retries for these. Gateways and
# GatewayClasses are not read.
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.envoyproxy.io]
  resources: [backendtrafficpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch]
# Another autoscaler on a child stops trimtab with a condition: it must be seen.
- apiGroups: [autoscaling]
  resources: [horizontalpodautoscalers]
  verbs: [list, watch]
- apiGroups: [keda.sh]
  resources: [scaledobjects]
  verbs: [list, watch]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end -}}

{{- /* What trimtab reads that belongs to no namespace. */ -}}
{{- define "trimtab.clusterRules" -}}
- apiGroups: [trimtab.dev]
  resources: [acceleratorclasses]
  verbs: [list, watch]
# kopf looks here to learn when one of the kinds it watches is installed or removed.
- apiGroups: [apiextensions.k8s.io]
  resources: [customresourcedefinitions]
  verbs: [list, watch]
{{- if .Values.namespaces }}
# kopf learns from namespaces that come and go where to watch; who serves all has no need to.
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
{{- if .Values.rbac.nodes }}
# What the nodes can hold bounds every plan.
- apiGroups: [""]
  resources: [nodes]
  verbs: [list, watch]
{{- end }}
{{- end -}}
