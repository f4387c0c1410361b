package main

import (
	"fmt"
	"slices"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/util/intstr"
	psa "k8s.io/pod-security-admission/api"
	"k8s.io/pod-security-admission/policy"
)

// set is what is applied together, and what was found wrong with it.
type set struct {
	known    map[string]object // by Kind/name
	external []string
	errs     []error
}

func (s *set) errorf(o object, format string, args ...any) {
	s.errs = append(s.errs, fmt.Errorf("%s %w", id(o), fmt.Errorf(format, args...)))
}

// require reports a reference to an object that is not there.
func (s *set) require(from object, kind, name string) {
	key := kind + "/" + name
	if s.known[key] == nil && !slices.Contains(s.external, key) {
		s.errorf(from, "refers to %s, which is not there", key)
	}
}

// selected returns the objects of type T that a selector selects by what labelsOf says of them. A selector that is
// empty or selects none is an error.
func selected[T object](s *set, from object, sel *metav1.LabelSelector, labelsOf func(T) map[string]string) []T {
	if sel == nil || len(sel.MatchLabels)+len(sel.MatchExpressions) == 0 {
		s.errorf(from, "selects everything")
		return nil
	}
	selector, err := metav1.LabelSelectorAsSelector(sel)
	if err != nil {
		s.errorf(from, "%w", err)
		return nil
	}
	var found []T
	for _, o := range s.known {
		if t, ok := o.(T); ok && selector.Matches(labels.Set(labelsOf(t))) {
			found = append(found, t)
		}
	}
	if len(found) == 0 {
		s.errorf(from, "selects nothing")
	}
	return found
}

func podLabels(d *appsv1.Deployment) map[string]string { return d.Spec.Template.Labels }

// checkPort reports a port that no container of the deployment has.
func (s *set) checkPort(from object, d *appsv1.Deployment, port intstr.IntOrString) {
	for i := range d.Spec.Template.Spec.Containers {
		for _, p := range d.Spec.Template.Spec.Containers[i].Ports {
			if port == intstr.FromString(p.Name) || port == intstr.FromInt32(p.ContainerPort) {
				return
			}
		}
	}
	s.errorf(from, "uses port %s, which no container has", port.String())
}

func (s *set) checkDeployment(d *appsv1.Deployment) {
	if !slices.Contains(selected(s, d, d.Spec.Selector, podLabels), d) {
		s.errorf(d, "does not select its own pods")
	}
	pod := &d.Spec.Template.Spec
	s.require(d, "ServiceAccount", pod.ServiceAccountName)
	s.checkSecurity(d)
	s.checkVolumes(d)
	for i := range pod.TopologySpreadConstraints {
		selected(s, d, pod.TopologySpreadConstraints[i].LabelSelector, podLabels)
	}
	for i := range pod.Containers {
		s.checkContainer(d, &pod.Containers[i])
	}
}

// checkSecurity holds the pods to the strictest Pod Security Standard, and to what it leaves out.
func (s *set) checkSecurity(d *appsv1.Deployment) {
	pod := &d.Spec.Template.Spec
	evaluator, err := policy.NewEvaluator(policy.DefaultChecks(), nil)
	if err != nil {
		s.errorf(d, "%w", err)
		return
	}
	level := psa.LevelVersion{Level: psa.LevelRestricted, Version: psa.LatestVersion()}
	result := policy.AggregateCheckResults(evaluator.EvaluatePod(level, &d.Spec.Template.ObjectMeta, pod))
	if !result.Allowed {
		s.errorf(d, "is not as restricted as it should be: %s", result.ForbiddenDetail())
	}
	switch mounts := pod.AutomountServiceAccountToken == nil || *pod.AutomountServiceAccountToken; {
	case mounts && !s.hasRights(pod.ServiceAccountName):
		s.errorf(d, "mounts a token")
	case !mounts && s.hasRights(pod.ServiceAccountName):
		s.errorf(d, "has rights, and no token to use them")
	}
	for i := range pod.Containers {
		c := pod.Containers[i].SecurityContext
		if c == nil || c.ReadOnlyRootFilesystem == nil || !*c.ReadOnlyRootFilesystem {
			s.errorf(d, "has a container with a writable root file system")
		}
	}
}

func (s *set) checkVolumes(d *appsv1.Deployment) {
	pod := &d.Spec.Template.Spec
	unused := map[string]bool{}
	for i := range pod.Volumes {
		v := &pod.Volumes[i]
		unused[v.Name] = true
		if v.ConfigMap != nil {
			s.require(d, "ConfigMap", v.ConfigMap.Name)
		}
		if v.Secret != nil {
			s.require(d, "Secret", v.Secret.SecretName)
		}
	}
	mounted := map[string]bool{}
	for i := range pod.Containers {
		for _, m := range pod.Containers[i].VolumeMounts {
			if _, ok := unused[m.Name]; !ok {
				s.errorf(d, "mounts the volume %s, which is not there", m.Name)
			}
			if m.SubPath != "" {
				s.errorf(d, "mounts %s with subPath, which never changes", m.Name)
			}
			if mounted[m.MountPath] {
				s.errorf(d, "mounts two volumes at %s", m.MountPath)
			}
			mounted[m.MountPath] = true
			unused[m.Name] = false
		}
	}
	for name, is := range unused {
		if is {
			s.errorf(d, "does not mount the volume %s", name)
		}
	}
}

func (s *set) checkContainer(d *appsv1.Deployment, c *corev1.Container) {
	if c.Image == "" {
		s.errorf(d, "has no image for %s", c.Name)
	}
	if c.Resources.Requests.Memory().IsZero() || c.Resources.Limits.Memory().IsZero() {
		s.errorf(d, "does not say what memory %s needs", c.Name)
	}
	for _, e := range c.Env {
		if e.ValueFrom != nil && e.ValueFrom.SecretKeyRef != nil {
			s.require(d, "Secret", e.ValueFrom.SecretKeyRef.Name)
		}
		if e.ValueFrom != nil && e.ValueFrom.ConfigMapKeyRef != nil {
			s.require(d, "ConfigMap", e.ValueFrom.ConfigMapKeyRef.Name)
		}
	}
	for name, probe := range map[string]*corev1.Probe{"liveness": c.LivenessProbe, "readiness": c.ReadinessProbe} {
		switch {
		case probe == nil:
			s.errorf(d, "has no %s probe for %s", name, c.Name)
		case probe.HTTPGet != nil:
			s.checkPort(d, d, probe.HTTPGet.Port)
		case probe.TCPSocket != nil:
			s.checkPort(d, d, probe.TCPSocket.Port)
		default:
			s.errorf(d, "has a %s probe for %s that does nothing", name, c.Name)
		}
	}
}

func (s *set) checkService(v *corev1.Service) {
	for _, d := range selected(s, v, metav1.SetAsLabelSelector(v.Spec.Selector), podLabels) {
		for _, p := range v.Spec.Ports {
			s.checkPort(v, d, p.TargetPort)
		}
	}
}

func (s *set) checkServiceMonitor(m *monitoringv1.ServiceMonitor) {
	if len(m.Spec.Endpoints) == 0 {
		s.errorf(m, "has no endpoints")
	}
	services := selected(s, m, &m.Spec.Selector, func(v *corev1.Service) map[string]string { return v.Labels })
	for _, v := range services {
		for i := range m.Spec.Endpoints {
			if port := m.Spec.Endpoints[i].Port; !hasPort(v, func(p corev1.ServicePort) bool { return p.Name == port }) {
				s.errorf(m, "uses port %q, which %s does not have", port, id(v))
			}
		}
	}
}

func hasPort(v *corev1.Service, is func(corev1.ServicePort) bool) bool {
	return slices.ContainsFunc(v.Spec.Ports, is)
}

func (s *set) checkNetworkPolicy(n *networkingv1.NetworkPolicy) {
	for _, d := range selected(s, n, &n.Spec.PodSelector, podLabels) {
		for _, rule := range n.Spec.Ingress {
			for _, p := range rule.Ports {
				if p.Port != nil {
					s.checkPort(n, d, *p.Port)
				}
			}
		}
	}
}

func (s *set) checkBudget(b *policyv1.PodDisruptionBudget) {
	for _, d := range selected(s, b, b.Spec.Selector, podLabels) {
		if d.Spec.Replicas == nil || *d.Spec.Replicas < 2 {
			s.errorf(b, "is for a single pod")
		}
	}
}

func (s *set) checkIngress(in *networkingv1.Ingress) {
	for _, rule := range in.Spec.Rules {
		if rule.HTTP == nil || len(rule.HTTP.Paths) == 0 {
			s.errorf(in, "has no paths for %s", rule.Host)
			continue
		}
		for _, p := range rule.HTTP.Paths {
			s.checkBackend(in, &p.Backend)
			if p.PathType == nil {
				s.errorf(in, "has no type for the path %s", p.Path)
			}
		}
	}
	for _, t := range in.Spec.TLS {
		s.require(in, "Secret", t.SecretName)
	}
}

func (s *set) checkBackend(in *networkingv1.Ingress, b *networkingv1.IngressBackend) {
	if b.Service == nil {
		s.errorf(in, "has a backend that is no service")
		return
	}
	v, ok := s.known["Service/"+b.Service.Name].(*corev1.Service)
	if !ok {
		s.require(in, "Service", b.Service.Name)
		return
	}
	want := b.Service.Port
	if !hasPort(v, func(p corev1.ServicePort) bool { return p.Name != "" && p.Name == want.Name || p.Port == want.Number }) {
		s.errorf(in, "uses a port that %s does not have", id(v))
	}
}
