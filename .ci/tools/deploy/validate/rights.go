package main

import (
	"slices"

	rbacv1 "k8s.io/api/rbac/v1"
)

// mayRead are the resources that targets are found in, by API group.
var mayRead = map[string][]string{
	"":                  {"services", "pods", "nodes"},
	"networking.k8s.io": {"ingresses"},
	"discovery.k8s.io":  {"endpointslices"},
}

// checkRights reports rights beyond those to list and watch what targets are found in.
func (s *set) checkRights(o object, rules []rbacv1.PolicyRule) {
	if len(rules) == 0 {
		s.errorf(o, "has no rules")
	}
	for _, rule := range rules {
		for _, verb := range rule.Verbs {
			if verb != "list" && verb != "watch" {
				s.errorf(o, "may %s", verb)
			}
		}
		for _, group := range rule.APIGroups {
			for _, resource := range rule.Resources {
				if !slices.Contains(mayRead[group], resource) {
					s.errorf(o, "may read %s of the group %q", resource, group)
				}
			}
		}
		if len(rule.NonResourceURLs) > 0 {
			s.errorf(o, "may read paths that are no resources")
		}
	}
}

func (s *set) checkBinding(o object, role rbacv1.RoleRef, subjects []rbacv1.Subject) {
	s.require(o, role.Kind, role.Name)
	if len(subjects) == 0 {
		s.errorf(o, "binds nobody")
	}
	for _, subject := range subjects {
		if subject.Kind != rbacv1.ServiceAccountKind {
			s.errorf(o, "binds a %s", subject.Kind)
			continue
		}
		s.require(o, subject.Kind, subject.Name)
	}
}

// hasRights reports whether a service account is bound to a role, so that it needs a token.
func (s *set) hasRights(account string) bool {
	for _, o := range s.known {
		var subjects []rbacv1.Subject
		switch o := o.(type) {
		case *rbacv1.RoleBinding:
			subjects = o.Subjects
		case *rbacv1.ClusterRoleBinding:
			subjects = o.Subjects
		}
		if slices.ContainsFunc(subjects, func(s rbacv1.Subject) bool { return s.Kind == rbacv1.ServiceAccountKind && s.Name == account }) {
			return true
		}
	}
	return false
}
