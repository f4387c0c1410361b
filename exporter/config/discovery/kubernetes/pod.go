package kubernetes

import (
	"net"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

type pod struct {
	Metadata meta `json:"metadata"`
	Spec     struct {
		NodeName       string      `json:"nodeName"`
		Containers     []container `json:"containers"`
		InitContainers []container `json:"initContainers"`
	} `json:"spec"`
	Status struct {
		Phase      string `json:"phase"`
		PodIP      string `json:"podIP"`
		HostIP     string `json:"hostIP"`
		Conditions []struct {
			Type   string `json:"type"`
			Status string `json:"status"`
		} `json:"conditions"`
		ContainerStatuses     []containerStatus `json:"containerStatuses"`
		InitContainerStatuses []containerStatus `json:"initContainerStatuses"`
	} `json:"status"`
}

type container struct {
	Name  string          `json:"name"`
	Image string          `json:"image"`
	Ports []containerPort `json:"ports"`
}

type containerPort struct {
	Name          string `json:"name"`
	Protocol      string `json:"protocol"`
	ContainerPort int    `json:"containerPort"`
}

type containerStatus struct {
	Name        string `json:"name"`
	ContainerID string `json:"containerID"`
}

func (p *pod) meta() *meta { return &p.Metadata }

func (p *pod) addTo(b *source.Builder) {
	p.Metadata.addTo(b, "pod")
	b.Add(prefix+"pod_ip", p.Status.PodIP)
	b.Add(prefix+"pod_ready", p.ready())
	b.Add(prefix+"pod_phase", p.Status.Phase)
	b.Add(prefix+"pod_node_name", p.Spec.NodeName)
	b.Add(prefix+"pod_host_ip", p.Status.HostIP)
	b.Add(prefix+"pod_uid", p.Metadata.UID)
	for _, owner := range p.Metadata.OwnerReferences {
		if owner.Controller {
			b.Add(prefix+"pod_controller_kind", owner.Kind)
			b.Add(prefix+"pod_controller_name", owner.Name)
			break
		}
	}
}

func (p *pod) ready() string {
	for _, c := range p.Status.Conditions {
		if c.Type == "Ready" {
			return strings.ToLower(c.Status)
		}
	}
	return "unknown"
}

// eachContainer calls use for the containers, and then for those that are there before them.
func (p *pod) eachContainer(use func(c *container, isInit bool)) {
	for i := range p.Spec.Containers {
		use(&p.Spec.Containers[i], false)
	}
	for i := range p.Spec.InitContainers {
		use(&p.Spec.InitContainers[i], true)
	}
}

func (p *pod) containerID(name string, isInit bool) string {
	statuses := p.Status.ContainerStatuses
	if isInit {
		statuses = p.Status.InitContainerStatuses
	}
	for _, s := range statuses {
		if s.Name == name {
			return s.ContainerID
		}
	}
	return ""
}

func addContainer(b *source.Builder, c *container, isInit bool) {
	b.Add(prefix+"pod_container_name", c.Name)
	b.Add(prefix+"pod_container_image", c.Image)
	b.Add(prefix+"pod_container_init", strconv.FormatBool(isInit))
}

func addPort(b *source.Builder, port *containerPort) {
	b.Add(prefix+"pod_container_port_name", port.Name)
	b.Add(prefix+"pod_container_port_number", strconv.Itoa(port.ContainerPort))
	b.Add(prefix+"pod_container_port_protocol", port.Protocol)
}

// targets returns one for each port of each container, and, for a container without ports, the pod's address.
func (p *pod) targets() []labels.Labels {
	ip := p.Status.PodIP
	if ip == "" { // is about to start, or was evicted
		return nil
	}
	var b source.Builder
	p.addTo(&b)
	b.Common()
	var found []labels.Labels
	p.eachContainer(func(c *container, isInit bool) {
		add := func() {
			addContainer(&b, c, isInit)
			b.Add(prefix+"pod_container_id", p.containerID(c.Name, isInit))
		}
		if len(c.Ports) == 0 {
			add()
			found = append(found, b.Target(ip))
		}
		for i := range c.Ports {
			add()
			addPort(&b, &c.Ports[i])
			found = append(found, b.Target(net.JoinHostPort(ip, strconv.Itoa(c.Ports[i].ContainerPort))))
		}
	})
	return found
}
