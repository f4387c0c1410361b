package kubernetes_test

import (
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/internal/sourcetest"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/kubernetes"
)

func parseObject(t *testing.T, text string) object {
	t.Helper()
	var o object
	require.NoError(t, json.Unmarshal([]byte(text), &o))
	return o
}

// found returns the labels of the targets that the role makes of objects, by resource, one map each.
func found(t *testing.T, role string, n int, objects map[string]string) []map[string]string {
	t.Helper()
	c := newCluster(t)
	for resource, text := range objects {
		c.happen("ADDED", resource, parseObject(t, text))
	}
	r := sourcetest.Run(t, kubernetes.New(settings(c, role)))
	r.Until("targets", func() bool { return len(r.Targets()) == n })
	var all []map[string]string
	for _, l := range r.Targets() {
		m := l.Map()
		short := make(map[string]string)
		for name, value := range m {
			short[strings.TrimPrefix(name, "__meta_kubernetes_")] = value
		}
		all = append(all, short)
	}
	return all
}

func TestServiceLabels(t *testing.T) {
	t.Parallel()
	text := `{"metadata":{"namespace":"shop","name":"web","labels":{"app.kubernetes.io/name":"web"},
		"annotations":{"healthcheck.io/probe":"true","large":"` + strings.Repeat("x", 5000) + `"}},
		"spec":{"type":"LoadBalancer","clusterIP":"10.0.0.7","loadBalancerIP":"192.0.2.7","ports":[{"name":"http","protocol":"TCP","port":80}]}}`
	assert.Equal(t, []map[string]string{{
		"__address__": "web.shop.svc:80", "namespace": "shop", "service_name": "web",
		"service_label_app_kubernetes_io_name": "web", "service_labelpresent_app_kubernetes_io_name": "true",
		"service_annotation_healthcheck_io_probe": "true", "service_annotationpresent_healthcheck_io_probe": "true",
		"service_annotationpresent_large": "true",
		"service_type":                    "LoadBalancer", "service_cluster_ip": "10.0.0.7", "service_loadbalancer_ip": "192.0.2.7",
		"service_port_name": "http", "service_port_number": "80", "service_port_protocol": "TCP",
	}}, found(t, "service", 1, map[string]string{"services": text}))
	external := found(t, "service", 1, map[string]string{"services": `{"metadata":{"namespace":"shop","name":"old"},
		"spec":{"type":"ExternalName","externalName":"old.example.com","ports":[{"port":443}]}}`})
	assert.Equal(t, "old.example.com", external[0]["service_external_name"])
	assert.NotContains(t, external[0], "service_cluster_ip")
}

func TestIngressLabels(t *testing.T) {
	t.Parallel()
	all := found(t, "ingress", 4, map[string]string{"ingresses": `{"metadata":{"namespace":"shop","name":"web"},"spec":{
		"ingressClassName":"nginx","tls":[{"hosts":["*.example.com"]}],"rules":[
		{"host":"shop.example.com","http":{"paths":[{"path":"/a"},{}]}},
		{"host":"deep.shop.example.com","http":{"paths":[{"path":"/"}]}},
		{"host":"plain.test"}]}}`})
	assert.Equal(t, map[string]string{
		"__address__": "shop.example.com", "namespace": "shop", "ingress_name": "web", "ingress_class_name": "nginx",
		"ingress_scheme": "https", "ingress_host": "shop.example.com", "ingress_path": "/",
	}, all[2])
	assert.Equal(t, "/a", all[3]["ingress_path"])
	assert.Equal(t, "http", all[0]["ingress_scheme"], "a wildcard is one label")
	assert.Equal(t, "/", all[1]["ingress_path"])
}

func TestNodeLabels(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []map[string]string{{
		"__address__": "10.1.0.1:10250", "instance": "n1", "node_name": "n1", "node_provider_id": "x://1",
		"node_address_InternalIP": "10.1.0.1", "node_address_Hostname": "n1.local",
		"node_label_zone": "b", "node_labelpresent_zone": "true",
	}}, found(t, "node", 1, map[string]string{"nodes": `{"metadata":{"name":"n1","labels":{"zone":"b"}},"spec":{"providerID":"x://1"},
		"status":{"addresses":[{"type":"Hostname","address":"n1.local"},{"type":"InternalIP","address":"10.1.0.1"}],
		"daemonEndpoints":{"kubeletEndpoint":{"Port":10250}}}}`}))
}

const podText = `{"metadata":{"namespace":"shop","name":"web-1","uid":"u1","ownerReferences":[{"kind":"ReplicaSet","name":"web","controller":true}]},
	"spec":{"nodeName":"n1","containers":[{"name":"web","image":"web:1","ports":[{"name":"http","protocol":"TCP","containerPort":80},
	{"name":"metrics","protocol":"TCP","containerPort":9100}]}],"initContainers":[{"name":"init","image":"init:1"}]},
	"status":{"phase":"Running","podIP":"10.2.0.1","hostIP":"10.1.0.1","conditions":[{"type":"Ready","status":"True"}],
	"containerStatuses":[{"name":"web","containerID":"c://1"}]}}`

// podLabels are those that all targets of the pod have.
func podLabels(more map[string]string) map[string]string {
	all := map[string]string{
		"namespace": "shop", "pod_name": "web-1", "pod_uid": "u1", "pod_ip": "10.2.0.1", "pod_host_ip": "10.1.0.1", "pod_node_name": "n1",
		"pod_phase": "Running", "pod_ready": "true", "pod_controller_kind": "ReplicaSet", "pod_controller_name": "web",
	}
	for name, value := range more {
		all[name] = value
	}
	return all
}

func TestPodLabels(t *testing.T) {
	t.Parallel()
	assert.Equal(t, []map[string]string{
		podLabels(map[string]string{"__address__": "10.2.0.1", "pod_container_name": "init", "pod_container_image": "init:1", "pod_container_init": "true"}),
		podLabels(map[string]string{
			"__address__": "10.2.0.1:80", "pod_container_name": "web", "pod_container_image": "web:1", "pod_container_id": "c://1",
			"pod_container_init": "false", "pod_container_port_name": "http", "pod_container_port_number": "80", "pod_container_port_protocol": "TCP",
		}),
		podLabels(map[string]string{
			"__address__": "10.2.0.1:9100", "pod_container_name": "web", "pod_container_image": "web:1", "pod_container_id": "c://1",
			"pod_container_init": "false", "pod_container_port_name": "metrics", "pod_container_port_number": "9100", "pod_container_port_protocol": "TCP",
		}),
	}, found(t, "pod", 3, map[string]string{"pods": podText}))
}

const sliceText = `{"metadata":{"namespace":"shop","name":"web-abc","labels":{"kubernetes.io/service-name":"web"}},"addressType":"IPv4",
	"endpoints":[{"addresses":["10.2.0.1"],"conditions":{"ready":true},"nodeName":"n1","zone":"b","targetRef":{"kind":"Pod","namespace":"shop","name":"web-1"}},
	{"addresses":["192.0.2.9"],"conditions":{"ready":false}}],"ports":[{"name":"http","protocol":"TCP","port":80}]}`

func TestEndpointSliceLabels(t *testing.T) {
	t.Parallel()
	slice := map[string]string{
		"namespace": "shop", "endpointslice_name": "web-abc", "endpointslice_address_type": "IPv4", "service_name": "web",
		"endpointslice_label_kubernetes_io_service_name": "web", "endpointslice_labelpresent_kubernetes_io_service_name": "true",
		"service_annotation_x": "y", "service_annotationpresent_x": "true",
	}
	port := map[string]string{"endpointslice_port_name": "http", "endpointslice_port_protocol": "TCP", "endpointslice_port": "80"}
	merge := func(all ...map[string]string) map[string]string {
		m := make(map[string]string)
		for _, one := range all {
			for name, value := range one {
				m[name] = value
			}
		}
		return m
	}
	assert.Equal(t, []map[string]string{
		merge(slice, port, podLabels(map[string]string{
			"__address__": "10.2.0.1:80", "endpointslice_endpoint_conditions_ready": "true", "endpointslice_endpoint_node_name": "n1",
			"endpointslice_endpoint_zone": "b", "endpointslice_address_target_kind": "Pod", "endpointslice_address_target_name": "web-1",
			"pod_container_name": "web", "pod_container_image": "web:1", "pod_container_init": "false",
			"pod_container_port_name": "http", "pod_container_port_number": "80", "pod_container_port_protocol": "TCP",
		})),
		merge(slice, podLabels(map[string]string{
			"__address__": "10.2.0.1:9100", "pod_container_name": "web", "pod_container_image": "web:1", "pod_container_init": "false",
			"pod_container_port_name": "metrics", "pod_container_port_number": "9100", "pod_container_port_protocol": "TCP",
		})),
		merge(slice, port, map[string]string{"__address__": "192.0.2.9:80", "endpointslice_endpoint_conditions_ready": "false"}),
	}, found(t, "endpointslice", 3, map[string]string{
		"endpointslices": sliceText, "pods": podText,
		"services": `{"metadata":{"namespace":"shop","name":"web","annotations":{"x":"y"}}}`,
	}))
}

// TestEndpointSliceFollows: a service and a pod that change, change the targets of their slices.
func TestEndpointSliceFollows(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.happen("ADDED", "endpointslices", parseObject(t, sliceText))
	c.happen("ADDED", "pods", parseObject(t, podText))
	r := sourcetest.Run(t, kubernetes.New(settings(c, "endpointslice")))
	r.UntilAddresses("10.2.0.1:80", "10.2.0.1:9100", "192.0.2.9:80")
	c.happen("ADDED", "services", service("shop", "web", 80))
	r.Until("labels of the service", func() bool {
		return r.Targets()[0].Get("__meta_kubernetes_service_name") == "web"
	})
	c.happen("DELETED", "pods", parseObject(t, podText))
	r.UntilAddresses("10.2.0.1:80", "192.0.2.9:80")
	c.happen("DELETED", "endpointslices", parseObject(t, sliceText))
	r.UntilAddresses()
	assert.Empty(t, r.Failures())
}

// TestInCluster: the exporter as a pod, whose token is replaced.
func TestInCluster(t *testing.T) {
	dir := t.TempDir()
	kubernetes.UseServiceAccount(t, dir)
	c := newCluster(t)
	c.happen("ADDED", "services", service("mine", "a", 80))
	c.happen("ADDED", "services", service("other", "b", 80))
	var token atomic.Value
	token.Store("first")
	secure := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer "+token.Load().(string) {
			writeStatus(w, http.StatusUnauthorized, "Unauthorized")
			return
		}
		c.ServeHTTP(w, r)
	}))
	t.Cleanup(secure.Close)
	u, err := url.Parse(secure.URL)
	require.NoError(t, err)
	t.Setenv("KUBERNETES_SERVICE_HOST", u.Hostname())
	t.Setenv("KUBERNETES_SERVICE_PORT", u.Port())
	write := func(name, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	config := kubernetes.Config{Role: "service", Namespaces: kubernetes.Namespaces{Own: true}}
	require.NoError(t, config.Validate())
	r := sourcetest.Run(t, kubernetes.New(config))
	r.UntilFailure("no such file") // a pod's volume may be late
	write("token", "first")
	write("ca.crt", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})))
	write("namespace", "mine\n")
	r.UntilAddresses("a.mine.svc:80")

	write("token", "second")
	token.Store("second")
	c.cutAll()
	c.happen("ADDED", "services", service("mine", "c", 80))
	r.UntilAddresses("a.mine.svc:80", "c.mine.svc:80")
}

func TestNoPod(t *testing.T) {
	t.Setenv("KUBERNETES_SERVICE_HOST", "")
	r := sourcetest.Run(t, kubernetes.New(kubernetes.Config{Role: "pod"}))
	r.UntilFailure("this is no pod")
}

// TestEndpointSliceWaits: without the pods there would be targets that change when these are known.
func TestEndpointSliceWaits(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	c.happen("ADDED", "endpointslices", parseObject(t, sliceText))
	c.happen("ADDED", "pods", parseObject(t, podText))
	c.setFail(func(w http.ResponseWriter, r *http.Request) bool {
		forbidden := strings.HasSuffix(r.URL.Path, "/pods")
		if forbidden {
			writeStatus(w, http.StatusForbidden, "Forbidden")
		}
		return forbidden
	})
	r := sourcetest.Run(t, kubernetes.New(settings(c, "endpointslice")))
	r.UntilFailure("pods: the server answered 403")
	assert.Empty(t, r.Addresses())
	assert.Zero(t, r.Answers())
	c.setFail(nil)
	r.UntilAddresses("10.2.0.1:80", "10.2.0.1:9100", "192.0.2.9:80")
}
