package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const manifests = `# a comment alone
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: app }
automountServiceAccountToken: false
---
apiVersion: v1
kind: ConfigMap
metadata: { name: app }
data:
  checks.yml: "checks: []"
  board.json: "{}"
---
apiVersion: apps/v1
kind: Deployment
metadata: { name: app }
spec:
  replicas: 2
  selector: { matchLabels: { app: app } }
  template:
    metadata: { labels: { app: app } }
    spec:
      serviceAccountName: app
      automountServiceAccountToken: false
      securityContext: { runAsNonRoot: true, seccompProfile: { type: RuntimeDefault } }
      containers:
        - name: app
          image: app:1
          ports: [{ name: http, containerPort: 8989 }]
          livenessProbe: { httpGet: { path: /, port: http } }
          readinessProbe: { tcpSocket: { port: 8989 } }
          resources: { requests: { memory: 1Mi }, limits: { memory: 2Mi } }
          securityContext: { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: { drop: [ALL] } }
          env: [{ name: A, valueFrom: { secretKeyRef: { name: given, key: a } } }]
          volumeMounts: [{ name: config, mountPath: /config }]
      volumes: [{ name: config, configMap: { name: app } }]
---
apiVersion: v1
kind: Service
metadata: { name: app, labels: { app: app } }
spec: { selector: { app: app }, ports: [{ name: web, port: 80, targetPort: http }] }
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: { name: app }
spec: { podSelector: { matchLabels: { app: app } }, ingress: [{ ports: [{ port: http }] }] }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: app }
spec:
  rules:
    - host: example.com
      http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: app, port: { name: web } } } }] }
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: { name: app }
spec: { maxUnavailable: 1, selector: { matchLabels: { app: app } } }
---
apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: { name: app }
spec: { selector: { matchLabels: { app: app } }, endpoints: [{ port: web, interval: 30s }] }
---
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata: { name: app }
spec: { groups: [{ name: g, rules: [{ record: a:b, expr: "1" }] }] }
`

// binding are objects that give the pods rights.
const binding = `---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: { name: app }
rules: [{ apiGroups: [""], resources: [services], verbs: [list, watch] }]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: app }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: app }
subjects: [{ kind: ServiceAccount, name: app, namespace: monitoring }]
`

// TestRights: a token only for who has rights, and no more rights than discovery needs.
func TestRights(t *testing.T) {
	const noToken, token = "serviceAccountName: app\n      automountServiceAccountToken: false", "serviceAccountName: app\n      automountServiceAccountToken: true"
	for name, test := range map[string]struct{ pod, old, new, want string }{
		"valid":                  {pod: token},
		"rights without a token": {noToken, "", "", "has rights, and no token"},
		"a secret":               {token, "resources: [services]", "resources: [services, secrets]", "may read secrets"},
		"writing":                {token, "verbs: [list, watch]", "verbs: [list, watch, patch]", "may patch"},
		"everything":             {token, `apiGroups: [""]`, `apiGroups: ["*"]`, `of the group "*"`},
		"role that is not there": {token, "kind: ClusterRole, name: app", "kind: ClusterRole, name: b", "refers to ClusterRole/b"},
		"somebody else":          {token, "kind: ServiceAccount, name: app", "kind: User, name: app", "binds a User"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(manifests, noToken, test.pod, 1) + strings.Replace(binding, test.old, test.new, 1)
			file := filepath.Join(t.TempDir(), "objects.yaml")
			writeFile(t, file, text)
			expect(t, run(t.Context(), []string{"kubernetes", "-external", "Secret/given", file}, io.Discard), test.want)
		})
	}
}

func TestKubernetes(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{name: "valid"},
		{"unknown field", "replicas: 2", "replica: 2", `unknown field "spec.replica"`},
		{"field in the wrong case", "containerPort", "containerport", "unknown field"},
		{"field twice", "replicas: 2", "replicas: 2\n  replicas: 3", "already set"},
		{"wrong type", "replicas: 2", "replicas: two", "cannot unmarshal"},
		{"unknown field of a custom resource", "interval: 30s", "intervall: 30s", `unknown field "spec.endpoints[0].intervall"`},
		{"unknown kind", "kind: Ingress", "kind: Ingres", "no kind"},
		{"no name", "metadata: { name: app, labels: { app: app } }", "metadata: {}", "name or generateName is required"},
		{"bad label", "labels: { app: app } }\nspec: { selector", "labels: { app: \"a b\" } }\nspec: { selector", "a valid label must"},
		{"object twice", "spec: { selector: { app: app }, ports: [{ name: web, port: 80, targetPort: http }] }",
			"---\napiVersion: v1\nkind: ServiceAccount\nmetadata: { name: app }\nautomountServiceAccountToken: false", "is there twice"},
		{"pods that are not selected", "selector: { matchLabels: { app: app } }\n  template", "selector: { matchLabels: { app: b } }\n  template", "does not select its own pods"},
		{"selector of everything", "podSelector: { matchLabels: { app: app } }", "podSelector: {}", "NetworkPolicy/app selects everything"},
		{"service without pods", "selector: { app: app }, ports", "selector: { app: b }, ports", "Service/app selects nothing"},
		{"port of a service", "targetPort: http", "targetPort: https", "uses port https"},
		{"port of a probe", "path: /, port: http", "path: /, port: web", "uses port web"},
		{"port of a monitor", "port: web, interval", "port: http, interval", `uses port "http"`},
		{"port of an ingress", "port: { name: web }", "port: { number: 81 }", "uses a port that Service/app does not have"},
		{"no liveness", "livenessProbe: { httpGet: { path: /, port: http } }", "", "has no liveness probe"},
		{"config map that is not there", "configMap: { name: app }", "configMap: { name: b }", "refers to ConfigMap/b"},
		{"secret that is not there", "name: given", "name: b", "refers to Secret/b"},
		{"account that is not there", "serviceAccountName: app", "serviceAccountName: b", "refers to ServiceAccount/b"},
		{"volume that is not there", "name: config, mountPath", "name: b, mountPath", "mounts the volume b"},
		{"volume that is not mounted", "volumes: [", "volumes: [{ name: b, emptyDir: {} }, ", "does not mount the volume b"},
		{"file that never changes", "mountPath: /config", "mountPath: /config, subPath: a", "never changes"},
		{"root", "runAsNonRoot: true", "runAsNonRoot: false", "runAsNonRoot"},
		{"capabilities", "drop: [ALL]", "drop: []", "capabilities"},
		{"path of the host", "configMap: { name: app }", "hostPath: { path: / }", "hostPath"},
		{"writable root", "readOnlyRootFilesystem: true", "readOnlyRootFilesystem: false", "writable root"},
		{"token of the pod", "serviceAccountName: app\n      automountServiceAccountToken: false", "serviceAccountName: app", "mounts a token"},
		{"token of the account", "metadata: { name: app }\nautomountServiceAccountToken: false", "metadata: { name: app }", "has a token"},
		{"no limit", "limits: { memory: 2Mi }", "limits: {}", "what memory"},
		{"budget of one pod", "replicas: 2", "replicas: 1", "single pod"},
		{"broken dashboard", `board.json: "{}"`, `board.json: "{"`, "board.json is not JSON"},
		{"config map too large", "checks: []", strings.Repeat("x", maxConfigMap), "more than 1048576"},
		{"no rules", "rules: [{ record: a:b, expr: \"1\" }]", "rules: []", "has no rules"},
	} {
		t.Run(test.name, func(t *testing.T) {
			text := manifests
			if test.old != "" {
				text = strings.Replace(manifests, test.old, test.new, 1)
				if text == manifests {
					t.Fatalf("%q is not there", test.old)
				}
			}
			file := filepath.Join(t.TempDir(), "objects.yaml")
			writeFile(t, file, text)
			expect(t, run(t.Context(), []string{"kubernetes", "-external", "Secret/given", file}, io.Discard), test.want)
		})
	}
}

func TestKubernetesExtracts(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "objects.yaml")
	writeFile(t, file, manifests)
	var out strings.Builder
	expect(t, run(t.Context(), []string{"kubernetes", "-external", "Secret/given", "-extract", dir, file}, &out), "")
	if want := "1 ConfigMap, 1 Deployment, 1 Ingress,"; !strings.HasPrefix(out.String(), want) {
		t.Errorf("printed %q, want %q ...", out.String(), want)
	}
	for name, want := range map[string]string{"app_checks.yml": "checks: []", "app_rules.yml": "record: a:b"} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil || !strings.Contains(string(got), want) {
			t.Errorf("%s holds %q (%v), want %q", name, got, err, want)
		}
	}
}

const project = `name: test
services:
  app:
    image: app:1.2
    read_only: true
    cap_drop: [ALL]
    security_opt: ["no-new-privileges:true"]
    ports: ["127.0.0.1:80:80"]
    volumes: ["./config:/config:ro"]
    healthcheck: { test: [CMD, "true"] }
  other:
    extends: { service: app }
    depends_on: { app: { condition: service_healthy } }
`

func TestCompose(t *testing.T) {
	for _, test := range []struct{ name, old, new, want string }{
		{name: "valid"},
		{"unknown key", "read_only", "readonly", "readonly"},
		{"wrong type", "read_only: true", "read_only: 3", "read_only"},
		{"unknown service", "depends_on: { app:", "depends_on: { ap:", "ap"},
		{"writable", "read_only: true", "read_only: false", "root file system is writable"},
		{"capabilities", "cap_drop: [ALL]", "cap_drop: [CHOWN]", "has capabilities"},
		{"privileges", "no-new-privileges:true", "no-new-privileges:false", "new privileges"},
		{"open port", "127.0.0.1:80:80", "80:80", "port 80 is open"},
		{"no version", "app:1.2", "app", "no complete version"},
		{"latest", "app:1.2", "app:latest", "no complete version"},
		{"folder that is not there", "./config:", "./confg:", "no such file"},
		{"writable folder", "/config:ro", "/config", "/config is writable"},
		{"no health check", `healthcheck: { test: [CMD, "true"] }`, "", "has no health check"},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.Mkdir(filepath.Join(dir, "config"), 0o700); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(dir, "compose.yml")
			text := strings.Replace(project, test.old, test.new, 1)
			if test.old != "" && text == project {
				t.Fatalf("%q is not there", test.old)
			}
			writeFile(t, file, text)
			expect(t, run(t.Context(), []string{"compose", file}, io.Discard), test.want)
		})
	}
}

func TestCommandLine(t *testing.T) {
	for _, args := range [][]string{nil, {"kubernetes"}, {"kubernetes", "/nonexistent"}, {"compose", "a", "b"}, {"other", "a"}, {"kubernetes", "-x", "a"}} {
		if run(t.Context(), args, io.Discard) == nil {
			t.Errorf("%q: no error", args)
		}
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// expect requires an error with the text want, or none where that is empty.
func expect(t *testing.T, err error, want string) {
	t.Helper()
	switch {
	case want == "" && err != nil:
		t.Errorf("refused: %v", err)
	case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want %q", err, want)
	}
}
