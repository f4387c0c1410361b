package consul

import (
	"net"
	"strconv"
	"strings"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

// instance is what there is to know of one, from Consul's [health endpoint].
//
// [health endpoint]: https://developer.hashicorp.com/consul/api-docs/health#list-service-instances-for-service
type instance struct {
	Node struct {
		Node, Address, Datacenter string
		TaggedAddresses, Meta     map[string]string
	}
	Service struct {
		ID, Address, Namespace, Partition string
		Port                              int
		Tags                              []string
		Meta                              map[string]string
	}
	Checks []struct{ CheckID, Status string }
}

const prefix = source.Meta + "consul_"

func (s *Source) targets(name string, instances []instance) []labels.Labels {
	found := make([]labels.Labels, 0, len(instances))
	var b source.Builder
	b.Add(prefix+"service", name)
	b.Common()
	for i := range instances {
		node, service := &instances[i].Node, &instances[i].Service
		dc := node.Datacenter
		if dc == "" {
			dc = s.config.Datacenter
		}
		b.Add(prefix+"dc", dc)
		b.Add(prefix+"address", node.Address)
		b.Add(prefix+"node", node.Node)
		b.Add(prefix+"namespace", service.Namespace)
		b.Add(prefix+"partition", service.Partition)
		// Separators around all, so that a rule does not need to know where a tag is.
		b.Add(prefix+"tags", s.config.TagSeparator+strings.Join(service.Tags, s.config.TagSeparator)+s.config.TagSeparator)
		b.Add(prefix+"service_address", service.Address)
		b.Add(prefix+"service_port", strconv.Itoa(service.Port))
		b.Add(prefix+"service_id", service.ID)
		b.Add(prefix+"health", instances[i].health())
		b.AddMap(prefix+"metadata_", "", node.Meta)
		b.AddMap(prefix+"service_metadata_", "", service.Meta)
		b.AddMap(prefix+"tagged_address_", "", node.TaggedAddresses)
		host := service.Address
		if host == "" {
			host = node.Address
		}
		found = append(found, b.Target(net.JoinHostPort(host, strconv.Itoa(service.Port))))
	}
	return found
}

// health is the worst status of the checks, as Consul's own client has it: maintenance, critical, warning, passing.
func (i *instance) health() string {
	worst := 0
	for _, c := range i.Checks {
		status := 0
		switch {
		case c.CheckID == "_node_maintenance" || strings.HasPrefix(c.CheckID, "_service_maintenance:"):
			status = 3
		case c.Status == "critical":
			status = 2
		case c.Status == "warning":
			status = 1
		}
		worst = max(worst, status)
	}
	return [...]string{"passing", "warning", "critical", "maintenance"}[worst]
}
