{{- define "sqs-facade.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 52 | trimSuffix "-" }}
{{- else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 52 | trimSuffix "-" }}{{ end -}}
{{- end }}

{{- define "sqs-facade.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "sqs-facade.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "sqs-facade.selector" . }}
{{- end }}

{{- define "sqs-facade.serviceAccount" -}}
{{- if .Values.serviceAccount.create }}{{ .Values.serviceAccount.name | default (include "sqs-facade.fullname" .) }}
{{- else }}{{ .Values.serviceAccount.name | default "default" }}{{ end -}}
{{- end }}

{{- define "sqs-facade.environment" -}}
- name: SQS_FACADE_DURABILITY
  value: {{ .Values.store.durability | quote }}
{{- if eq .Values.store.mode "external" }}
- name: SQS_FACADE_REDIS
  valueFrom:
    secretKeyRef:
      name: {{ .Values.store.existingSecret | default (include "sqs-facade.fullname" .) }}
      key: {{ if .Values.store.existingSecret }}{{ .Values.store.existingSecretKey }}{{ else }}url{{ end }}
{{- else }}
# The volume itself belongs to root and its group (fsGroup). The service creates a directory that only it can enter.
- name: SQS_FACADE_DATA_DIR
  value: /data/store
{{- end }}
{{- if .Values.credentials.existingSecret }}
- name: SQS_FACADE_CREDENTIALS_FILE
  value: /etc/sqs-facade/credentials/{{ .Values.credentials.key }}
{{- else if .Values.openBind }}
- name: SQS_FACADE_OPEN_BIND
  value: "true"
{{- end }}
{{- if .Values.tls.existingSecret }}
- name: SQS_FACADE_TLS_CERTIFICATE
  value: /etc/sqs-facade/tls/tls.crt
- name: SQS_FACADE_TLS_KEY
  value: /etc/sqs-facade/tls/tls.key
{{- end }}
{{- range $name, $value := .Values.settings }}
- name: SQS_FACADE_{{ upper $name }}
  value: {{ $value | toString | quote }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end }}

{{- define "sqs-facade.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities: {drop: [ALL]}
lifecycle:
  preStop:
    exec: {command: [sleep, {{ .Values.preStopSeconds | toString | quote }}]}
volumeMounts:
  - {name: tmp, mountPath: /tmp}
  {{- if eq .Values.store.mode "embedded" }}
  - {name: data, mountPath: /data}
  {{- end }}
  {{- if .Values.credentials.existingSecret }}
  - {name: credentials, mountPath: /etc/sqs-facade/credentials, readOnly: true}
  {{- end }}
  {{- if .Values.tls.existingSecret }}
  - {name: tls, mountPath: /etc/sqs-facade/tls, readOnly: true}
  {{- end }}
  {{- with .Values.extraVolumeMounts }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}

{{- define "sqs-facade.probe" -}}
httpGet: {path: /health, port: http, scheme: {{ if .Values.tls.existingSecret }}HTTPS{{ else }}HTTP{{ end }}}
{{- end }}

{{- define "sqs-facade.pod" -}}
metadata:
  labels:
    {{- include "sqs-facade.labels" . | nindent 4 }}
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  annotations:
    {{- if and (eq .Values.store.mode "external") (not .Values.store.existingSecret) }}
    checksum/store: {{ .Values.store.url | sha256sum }}
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "sqs-facade.serviceAccount" . }}
  automountServiceAccountToken: false
  # The variables of a Service named sqs-facade would begin with the prefix of the settings.
  enableServiceLinks: false
  {{- if and .Values.websocket.enabled (eq .Values.store.mode "embedded") }}
  # Both containers use one embedded Valkey, and identify its process.
  shareProcessNamespace: true
  {{- end }}
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets: {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    fsGroupChangePolicy: OnRootMismatch
    seccompProfile: {type: RuntimeDefault}
  containers:
    - name: sqs-facade
      args: [serve]
      {{- include "sqs-facade.container" . | nindent 6 }}
      ports:
        - {name: http, containerPort: 9324}
      env:
        - name: SQS_FACADE_WORKERS
          value: {{ .Values.workers | quote }}
        {{- include "sqs-facade.environment" . | nindent 8 }}
      startupProbe:
        {{- include "sqs-facade.probe" . | nindent 8 }}
        periodSeconds: 2
        # A large file takes Valkey minutes to load.
        failureThreshold: 300
      livenessProbe:
        {{- include "sqs-facade.probe" . | nindent 8 }}
        periodSeconds: 10
        timeoutSeconds: 5
        failureThreshold: 6
      # Not /health/ready: while the store is full, consumers must reach the service to empty it.
      readinessProbe:
        {{- include "sqs-facade.probe" . | nindent 8 }}
        periodSeconds: 2
        timeoutSeconds: 3
        failureThreshold: 2
      resources: {{- toYaml .Values.resources | nindent 8 }}
    {{- if .Values.websocket.enabled }}
    - name: websocket
      args: [websocket]
      {{- include "sqs-facade.container" . | nindent 6 }}
      ports:
        - {name: websocket, containerPort: 9000}
      env:
        {{- include "sqs-facade.environment" . | nindent 8 }}
      readinessProbe:
        tcpSocket: {port: websocket}
        periodSeconds: 2
      resources: {{- toYaml .Values.resources | nindent 8 }}
    {{- end }}
  volumes:
    - name: tmp
      emptyDir: {medium: Memory, sizeLimit: 64Mi}
  {{- if .Values.credentials.existingSecret }}
    # The files belong to root, and the group of the pod may read them.
    - name: credentials
      secret: {secretName: {{ .Values.credentials.existingSecret | quote }}, defaultMode: 0440}
  {{- end }}
  {{- if .Values.tls.existingSecret }}
    - name: tls
      secret: {secretName: {{ .Values.tls.existingSecret | quote }}, defaultMode: 0440}
  {{- end }}
  {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints: {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end }}
