package kubernetes

import (
	"context"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"

	"github.com/prometheus/prometheus/model/labels"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/discovery/source"
)

type endpointSlice struct {
	Metadata    meta           `json:"metadata"`
	AddressType string         `json:"addressType"`
	Endpoints   []endpoint     `json:"endpoints"`
	Ports       []endpointPort `json:"ports"`
}

type endpoint struct {
	Addresses  []string `json:"addresses"`
	Conditions struct {
		Ready       *bool `json:"ready"`
		Serving     *bool `json:"serving"`
		Terminating *bool `json:"terminating"`
	} `json:"conditions"`
	Hostname  string `json:"hostname"`
	NodeName  string `json:"nodeName"`
	Zone      string `json:"zone"`
	TargetRef *struct {
		Kind      string `json:"kind"`
		Namespace string `json:"namespace"`
		Name      string `json:"name"`
	} `json:"targetRef"`
}

type endpointPort struct {
	Name        string `json:"name"`
	Protocol    string `json:"protocol"`
	Port        *int   `json:"port"`
	AppProtocol string `json:"appProtocol"`
}

func (s *endpointSlice) meta() *meta { return &s.Metadata }

// serviceLabel names the service of a slice; see https://kubernetes.io/docs/reference/labels-annotations-taints/.
const serviceLabel = "kubernetes.io/service-name"

func (s *endpointSlice) service() string {
	if name := s.Metadata.Labels[serviceLabel]; name != "" {
		return s.Metadata.Namespace + "/" + name
	}
	return ""
}

// podOf returns the key of an endpoint's pod, or nothing.
func podOf(e *endpoint) string {
	if e.TargetRef == nil || e.TargetRef.Kind != "Pod" {
		return ""
	}
	return e.TargetRef.Namespace + "/" + e.TargetRef.Name
}

// join makes targets of slices, their services and their pods. It says nothing before it has all of them.
type join struct {
	*watcher

	mu        sync.Mutex
	missing   int // lists
	slices    map[string]*endpointSlice
	services  map[string]*service
	pods      map[string]*pod
	ofService map[string]map[string]bool // keys of slices
	ofPod     map[string]map[string]bool
}

func newJoin(w *watcher) *join {
	return &join{
		watcher: w,
		slices:  make(map[string]*endpointSlice), services: make(map[string]*service), pods: make(map[string]*pod),
		ofService: make(map[string]map[string]bool), ofPod: make(map[string]map[string]bool),
	}
}

func (j *join) reflectors() []func(context.Context) {
	j.missing = len(resourcesOf("endpointslice")) * len(j.api.namespaces)
	return slices.Concat(
		reflectors(j.watcher, "endpointslice", discoveryAPI, "endpointslices", reflector[endpointSlice]{
			meta: (*endpointSlice).meta, put: j.putSlice, remove: func(key string) { j.putSlice(key, nil) }, listed: j.listed,
		}),
		reflectors(j.watcher, "service", coreAPI, "services", reflector[service]{
			meta: (*service).meta, listed: j.listed,
			put:    func(key string, s *service) { put(j, j.services, j.ofService, key, s) },
			remove: func(key string) { put(j, j.services, j.ofService, key, nil) },
		}),
		reflectors(j.watcher, "pod", coreAPI, "pods", reflector[pod]{
			meta: (*pod).meta, listed: j.listed,
			put:    func(key string, p *pod) { put(j, j.pods, j.ofPod, key, p) },
			remove: func(key string) { put(j, j.pods, j.ofPod, key, nil) },
		}),
	)
}

// listed notes the first list of a kind in a namespace. The last of them lets all slices be told of.
func (j *join) listed() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.missing--; j.missing == 0 {
		for key := range j.slices {
			j.emit(key)
		}
	}
}

// put keeps a service or a pod, or forgets it, and tells of the slices that it belongs to.
func put[T any](j *join, objects map[string]*T, index map[string]map[string]bool, key string, object *T) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if object == nil {
		delete(objects, key)
	} else {
		objects[key] = object
	}
	if j.missing > 0 {
		return
	}
	for slice := range index[key] {
		j.emit(slice)
	}
}

func (j *join) putSlice(key string, s *endpointSlice) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if old := j.slices[key]; old != nil {
		j.refer(old, func(index map[string]map[string]bool, object string) {
			delete(index[object], key)
			if len(index[object]) == 0 {
				delete(index, object)
			}
		})
		delete(j.slices, key)
	}
	if s != nil {
		j.slices[key] = s
		j.refer(s, func(index map[string]map[string]bool, object string) {
			if index[object] == nil {
				index[object] = make(map[string]bool)
			}
			index[object][key] = true
		})
	}
	if j.missing == 0 {
		j.emit(key)
	}
}

// refer calls use for what a slice refers to.
func (j *join) refer(s *endpointSlice, use func(index map[string]map[string]bool, object string)) {
	if name := s.service(); name != "" {
		use(j.ofService, name)
	}
	for i := range s.Endpoints {
		if name := podOf(&s.Endpoints[i]); name != "" {
			use(j.ofPod, name)
		}
	}
}

func (j *join) emit(key string) {
	s := j.slices[key]
	if s == nil {
		j.sink.Set(key, nil)
		return
	}
	j.sink.Set(key, j.targets(s))
}

// targets returns one for each port of each address, and, as Prometheus does, one for each further port of their pods.
func (j *join) targets(s *endpointSlice) []labels.Labels {
	var b source.Builder
	s.Metadata.addTo(&b, "endpointslice")
	b.Add(prefix+"endpointslice_address_type", s.AddressType)
	if owner := j.services[s.service()]; owner != nil {
		owner.Metadata.addTo(&b, "service")
	}
	b.Common()
	var found []labels.Labels
	ports := make(map[string]map[int]bool) // of pods, those of the slice
	for i := range s.Endpoints {
		e := &s.Endpoints[i]
		key := podOf(e)
		p := j.pods[key]
		for n := range s.Ports {
			for _, address := range e.Addresses {
				port := &s.Ports[n]
				e.addTo(&b, port)
				if port.Port != nil {
					address = net.JoinHostPort(address, strconv.Itoa(*port.Port))
				}
				if p != nil {
					if ports[key] == nil {
						ports[key] = make(map[int]bool)
					}
					p.addTo(&b)
					if port.Port != nil {
						ports[key][*port.Port] = true
						p.addContainerOf(&b, *port.Port)
					}
				}
				found = append(found, b.Target(address))
			}
		}
	}
	for _, key := range slices.Sorted(maps.Keys(ports)) {
		found = append(found, j.pods[key].others(&b, ports[key])...)
	}
	return found
}

func (e *endpoint) addTo(b *source.Builder, port *endpointPort) {
	const p = prefix + "endpointslice_"
	b.Add(p+"port_name", port.Name)
	b.Add(p+"port_protocol", port.Protocol)
	b.Add(p+"port_app_protocol", port.AppProtocol)
	if port.Port != nil {
		b.Add(p+"port", strconv.Itoa(*port.Port))
	}
	for name, is := range map[string]*bool{"ready": e.Conditions.Ready, "serving": e.Conditions.Serving, "terminating": e.Conditions.Terminating} {
		if is != nil {
			b.Add(p+"endpoint_conditions_"+name, strconv.FormatBool(*is))
		}
	}
	b.Add(p+"endpoint_hostname", e.Hostname)
	b.Add(p+"endpoint_node_name", e.NodeName)
	b.Add(p+"endpoint_zone", e.Zone)
	if e.TargetRef != nil {
		b.Add(p+"address_target_kind", e.TargetRef.Kind)
		b.Add(p+"address_target_name", e.TargetRef.Name)
	}
}

// addContainerOf adds what is known of the container that has a port.
func (p *pod) addContainerOf(b *source.Builder, number int) {
	p.eachContainer(func(c *container, isInit bool) {
		for i := range c.Ports {
			if c.Ports[i].ContainerPort == number {
				addContainer(b, c, isInit)
				addPort(b, &c.Ports[i])
				return
			}
		}
	})
}

// others returns targets for the ports of a pod that its slice has not.
func (p *pod) others(b *source.Builder, covered map[int]bool) []labels.Labels {
	var found []labels.Labels
	p.eachContainer(func(c *container, isInit bool) {
		for i := range c.Ports {
			number := c.Ports[i].ContainerPort
			if covered[number] || p.Status.PodIP == "" {
				continue
			}
			p.addTo(b)
			addContainer(b, c, isInit)
			addPort(b, &c.Ports[i])
			found = append(found, b.Target(net.JoinHostPort(p.Status.PodIP, strconv.Itoa(number))))
		}
	})
	return found
}
