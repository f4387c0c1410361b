package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	monitoringv1 "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"k8s.io/apimachinery/pkg/api/validation"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/serializer"
	"k8s.io/apimachinery/pkg/util/validation/field"
	yamlutil "k8s.io/apimachinery/pkg/util/yaml"
	"sigs.k8s.io/yaml"
)

// newDecoder returns a decoder that refuses unknown and repeated fields, and kinds that no deployment here has.
func newDecoder() (runtime.Decoder, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{
		corev1.AddToScheme, appsv1.AddToScheme, networkingv1.AddToScheme, policyv1.AddToScheme, rbacv1.AddToScheme, monitoringv1.AddToScheme,
	} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return serializer.NewCodecFactory(scheme, serializer.EnableStrict).UniversalDeserializer(), nil
}

// decode returns the objects of a stream of YAML documents.
func decode(data []byte) ([]object, error) {
	decoder, err := newDecoder()
	if err != nil {
		return nil, err
	}
	var objects []object
	var errs []error
	documents := yamlutil.NewYAMLReader(bufio.NewReader(bytes.NewReader(data)))
	for n := 1; ; n++ {
		document, err := documents.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if isEmpty(document) {
			continue
		}
		decoded, _, err := decoder.Decode(document, nil, nil)
		if err != nil {
			errs = append(errs, fmt.Errorf("document %d: %w", n, err))
			continue
		}
		o, ok := decoded.(object)
		if !ok {
			errs = append(errs, fmt.Errorf("document %d: a %T has no name", n, decoded))
			continue
		}
		objects = append(objects, o)
	}
	if len(objects) == 0 && len(errs) == 0 {
		return nil, errors.New("no objects")
	}
	return objects, errors.Join(errs...)
}

// isEmpty reports whether a document is nothing but comments.
func isEmpty(document []byte) bool {
	for line := range bytes.Lines(document) {
		line = bytes.TrimSpace(line)
		if len(line) > 0 && line[0] != '#' && !bytes.Equal(line, []byte("---")) {
			return false
		}
	}
	return true
}

// object is what has a kind and a name.
type object interface {
	metav1.Object
	runtime.Object
}

func kind(o object) string { return o.GetObjectKind().GroupVersionKind().Kind }
func id(o object) string   { return kind(o) + "/" + o.GetName() }

// summary counts the objects by kind.
func summary(objects []object) string {
	count := map[string]int{}
	for _, o := range objects {
		count[kind(o)]++
	}
	var kinds []string
	for k, n := range count {
		kinds = append(kinds, fmt.Sprintf("%d %s", n, k))
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", ")
}

// checkObjects reports what is wrong with objects that are to be applied together, or refer to external ones.
func checkObjects(objects []object, external []string) error {
	s := &set{known: map[string]object{}, external: external}
	for _, o := range objects {
		if _, twice := s.known[id(o)]; twice {
			s.errorf(o, "is there twice")
		}
		s.known[id(o)] = o
		checkMeta(s, o)
	}
	for _, o := range objects {
		switch o := o.(type) {
		case *appsv1.Deployment:
			s.checkDeployment(o)
		case *corev1.Service:
			s.checkService(o)
		case *corev1.ConfigMap:
			s.checkConfigMap(o)
		case *networkingv1.NetworkPolicy:
			s.checkNetworkPolicy(o)
		case *networkingv1.Ingress:
			s.checkIngress(o)
		case *policyv1.PodDisruptionBudget:
			s.checkBudget(o)
		case *monitoringv1.ServiceMonitor:
			s.checkServiceMonitor(o)
		case *monitoringv1.PrometheusRule:
			s.checkRules(o)
		case *rbacv1.Role:
			s.checkRights(o, o.Rules)
		case *rbacv1.ClusterRole:
			s.checkRights(o, o.Rules)
		case *rbacv1.RoleBinding:
			s.checkBinding(o, o.RoleRef, o.Subjects)
		case *rbacv1.ClusterRoleBinding:
			s.checkBinding(o, o.RoleRef, o.Subjects)
		case *corev1.ServiceAccount:
			if o.AutomountServiceAccountToken == nil || *o.AutomountServiceAccountToken {
				s.errorf(o, "has a token")
			}
		default:
			s.errorf(o, "is of a kind that nothing here looks at")
		}
	}
	return errors.Join(s.errs...)
}

func checkMeta(s *set, o object) {
	namespaced := o.GetNamespace() != ""
	for _, err := range validation.ValidateObjectMetaAccessor(o, namespaced, validation.NameIsDNSSubdomain, field.NewPath("metadata")) {
		s.errorf(o, "%v", err)
	}
}

// extractFiles writes what other tools can check into dir: the data of ConfigMaps, and the groups of PrometheusRules.
func extractFiles(objects []object, dir string) error {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, o := range objects {
		files := map[string][]byte{}
		switch o := o.(type) {
		case *corev1.ConfigMap:
			for key, value := range o.Data {
				files[key] = []byte(value)
			}
		case *monitoringv1.PrometheusRule:
			data, err := yaml.Marshal(o.Spec)
			if err != nil {
				return err
			}
			files["rules.yml"] = data
		}
		for name, data := range files {
			if err := root.WriteFile(o.GetName()+"_"+name, data, 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// maxConfigMap is what the data of a ConfigMap may take, in bytes.
const maxConfigMap = 1 << 20

func (s *set) checkConfigMap(c *corev1.ConfigMap) {
	size := 0
	for key, value := range c.Data {
		size += len(value)
		if strings.HasSuffix(key, ".json") && !json.Valid([]byte(value)) {
			s.errorf(c, "%s is not JSON", key)
		}
	}
	if size > maxConfigMap {
		s.errorf(c, "holds %d bytes, more than %d", size, maxConfigMap)
	}
}

func (s *set) checkRules(r *monitoringv1.PrometheusRule) {
	rules := 0
	for _, g := range r.Spec.Groups {
		rules += len(g.Rules)
	}
	if rules == 0 {
		s.errorf(r, "has no rules")
	}
}
