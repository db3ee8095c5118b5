{{/* SPDX-License-Identifier: Apache-2.0 */}}

{{/* Labels of all objects: (dict "name" NAME "root" $) */}}
{{- define "migctl.labels" -}}
app.kubernetes.io/name: {{ .name }}
app.kubernetes.io/part-of: migctl
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ .root.Chart.Name }}-{{ .root.Chart.Version }}
{{- end }}

{{/* An image: (dict "name" NAME "root" $) */}}
{{- define "migctl.image" -}}
{{- $images := .root.Values.images -}}
{{- with $images.registry }}{{ trimSuffix "/" . }}/{{ end }}{{ .name }}:{{ default .root.Chart.AppVersion $images.tag }}
{{- end }}

{{/* Where both programs run. */}}
{{- define "migctl.nodes" -}}
priorityClassName: system-node-critical
{{- with .Values.images.pullSecrets }}
imagePullSecrets: {{ toYaml . | nindent 0 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{ toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{ toYaml . | nindent 0 }}
{{- end }}
{{- end }}

{{/* What migd and the container that registers its CDI file have of the driver and of root. */}}
{{- define "migctl.migdRights" -}}
env:
- {name: NVIDIA_VISIBLE_DEVICES, value: all}
- {name: NVIDIA_DRIVER_CAPABILITIES, value: all}
- {name: NVIDIA_MIG_CONFIG_DEVICES, value: all}
- {name: NVIDIA_MIG_MONITOR_DEVICES, value: all}
securityContext:
  runAsUser: 0
  runAsGroup: 0
  privileged: false
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
    add: [SYS_ADMIN, SYS_PTRACE, KILL, DAC_OVERRIDE, DAC_READ_SEARCH, CHOWN, FOWNER, MKNOD]
  seccompProfile: {type: RuntimeDefault}
  # The runtimes' profile lets a container look at its own processes only.
  appArmorProfile: {type: Unconfined}
volumeMounts:
- {name: run, mountPath: /run/migctl}
- {name: state, mountPath: /var/lib/migctl}
- {name: cdi, mountPath: /var/run/cdi}
- {name: caps, mountPath: /dev/nvidia-caps}
- {name: settings, mountPath: /etc/migctl, readOnly: true}
- {name: tmp, mountPath: /tmp}
{{- if .Values.serviceMonitor.enabled }}
- {name: tls, mountPath: /etc/migctl-tls, readOnly: true}
- {name: tokens, mountPath: /etc/migctl-tokens, readOnly: true}
{{- end }}
{{- end }}
