package kubernetes

import (
	"net"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

const prefix = source.Meta + "kubernetes_"

// meta is what all objects have.
type meta struct {
	Namespace       string            `json:"namespace"`
	Name            string            `json:"name"`
	UID             string            `json:"uid"`
	ResourceVersion string            `json:"resourceVersion"`
	Labels          map[string]string `json:"labels"`
	Annotations     map[string]string `json:"annotations"`
	OwnerReferences []struct {
		Kind       string `json:"kind"`
		Name       string `json:"name"`
		Controller bool   `json:"controller"`
	} `json:"ownerReferences"`
}

func (m *meta) key() string { return m.Namespace + "/" + m.Name }

// addTo adds the labels that all objects of a role have.
func (m *meta) addTo(b *source.Builder, role string) {
	b.Add(prefix+"namespace", m.Namespace)
	b.Add(prefix+role+"_name", m.Name)
	b.AddMap(prefix+role+"_label_", prefix+role+"_labelpresent_", m.Labels)
	b.AddMap(prefix+role+"_annotation_", prefix+role+"_annotationpresent_", m.Annotations)
}

type service struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		Type           string `json:"type"`
		ClusterIP      string `json:"clusterIP"`
		ExternalName   string `json:"externalName"`
		LoadBalancerIP string `json:"loadBalancerIP"`
		Ports          []struct {
			Name     string `json:"name"`
			Protocol string `json:"protocol"`
			Port     int    `json:"port"`
		} `json:"ports"`
	} `json:"spec"`
}

func (s *service) meta() *meta { return &s.Metadata }

func (s *service) targets() []labels.Labels {
	var b source.Builder
	s.Metadata.addTo(&b, "service")
	b.Add(prefix+"service_type", s.Spec.Type)
	if s.Spec.Type == "ExternalName" {
		b.Add(prefix+"service_external_name", s.Spec.ExternalName)
	} else {
		b.Add(prefix+"service_cluster_ip", s.Spec.ClusterIP)
	}
	if s.Spec.Type == "LoadBalancer" {
		b.Add(prefix+"service_loadbalancer_ip", s.Spec.LoadBalancerIP)
	}
	b.Common()
	host := s.Metadata.Name + "." + s.Metadata.Namespace + ".svc"
	found := make([]labels.Labels, 0, len(s.Spec.Ports))
	for _, p := range s.Spec.Ports {
		number := strconv.Itoa(p.Port)
		b.Add(prefix+"service_port_name", p.Name)
		b.Add(prefix+"service_port_number", number)
		b.Add(prefix+"service_port_protocol", p.Protocol)
		found = append(found, b.Target(net.JoinHostPort(host, number)))
	}
	return found
}

type ingress struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		IngressClassName string `json:"ingressClassName"`
		TLS              []struct {
			Hosts []string `json:"hosts"`
		} `json:"tls"`
		Rules []struct {
			Host string `json:"host"`
			HTTP *struct {
				Paths []struct {
					Path string `json:"path"`
				} `json:"paths"`
			} `json:"http"`
		} `json:"rules"`
	} `json:"spec"`
}

func (i *ingress) meta() *meta { return &i.Metadata }

// targets returns one for each path of each host.
func (i *ingress) targets() []labels.Labels {
	var b source.Builder
	i.Metadata.addTo(&b, "ingress")
	b.Add(prefix+"ingress_class_name", i.Spec.IngressClassName)
	b.Common()
	var found []labels.Labels
	for _, rule := range i.Spec.Rules {
		paths := []string{"/"}
		if rule.HTTP != nil {
			paths = paths[:0]
			for _, p := range rule.HTTP.Paths {
				if p.Path == "" {
					p.Path = "/"
				}
				paths = append(paths, p.Path)
			}
		}
		for _, path := range paths {
			b.Add(prefix+"ingress_scheme", i.scheme(rule.Host))
			b.Add(prefix+"ingress_host", rule.Host)
			b.Add(prefix+"ingress_path", path)
			found = append(found, b.Target(rule.Host))
		}
	}
	return found
}

func (i *ingress) scheme(host string) string {
	for _, t := range i.Spec.TLS {
		for _, pattern := range t.Hosts {
			if matches(pattern, host) {
				return "https"
			}
		}
	}
	return "http"
}

// matches reports whether a host is that of a certificate, where "*." stands for one label.
func matches(pattern, host string) bool {
	rest, wildcard := strings.CutPrefix(pattern, "*.")
	if !wildcard {
		return pattern == host
	}
	_, parent, _ := strings.Cut(host, ".")
	return pattern == host || rest == parent
}

type node struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		ProviderID string `json:"providerID"`
	} `json:"spec"`
	Status struct {
		Addresses []struct {
			Type    string `json:"type"`
			Address string `json:"address"`
		} `json:"addresses"`
		DaemonEndpoints struct {
			KubeletEndpoint struct {
				Port int `json:"Port"`
			} `json:"kubeletEndpoint"`
		} `json:"daemonEndpoints"`
	} `json:"status"`
}

func (n *node) meta() *meta { return &n.Metadata }

// addressTypes are in the order in which Prometheus prefers them.
var addressTypes = []string{"InternalIP", "InternalDNS", "ExternalIP", "ExternalDNS", "LegacyHostIP", "Hostname"}

// targets returns the node with the port of its kubelet.
func (n *node) targets() []labels.Labels {
	first := make(map[string]string)
	for _, a := range n.Status.Addresses {
		if first[a.Type] == "" {
			first[a.Type] = a.Address
		}
	}
	for _, t := range addressTypes {
		if first[t] == "" {
			continue
		}
		var b source.Builder
		n.Metadata.addTo(&b, "node")
		b.Add(prefix+"node_provider_id", n.Spec.ProviderID)
		b.Add("instance", n.Metadata.Name)
		b.AddMap(prefix+"node_address_", "", first)
		return []labels.Labels{b.Target(net.JoinHostPort(first[t], strconv.Itoa(n.Status.DaemonEndpoints.KubeletEndpoint.Port)))}
	}
	return nil
}
