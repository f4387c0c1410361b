package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// checkCompose loads a project as docker compose does, and reports what is wrong with its services, and their number.
func checkCompose(ctx context.Context, file string) (int, error) {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithResolvedPaths(true))
	if err != nil {
		return 0, err
	}
	project, err := options.LoadProject(ctx)
	if err != nil {
		return 0, err
	}
	var errs []error
	for _, name := range project.ServiceNames() {
		service := project.Services[name]
		for _, wrong := range slices.Concat(insecure(&service), unpinned(&service), absent(&service), unhealthy(project, &service)) {
			errs = append(errs, fmt.Errorf("service %s: %s", name, wrong))
		}
	}
	return len(project.Services), errors.Join(errs...)
}

func insecure(s *types.ServiceConfig) []string {
	var wrong []string
	if !s.ReadOnly {
		wrong = append(wrong, "its root file system is writable")
	}
	if !slices.Contains(s.CapDrop, "ALL") || len(s.CapAdd) > 0 || s.Privileged {
		wrong = append(wrong, "it has capabilities")
	}
	if !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
		wrong = append(wrong, "it can get new privileges")
	}
	for _, p := range s.Ports {
		if p.HostIP != "127.0.0.1" {
			wrong = append(wrong, "port "+p.Published+" is open to others")
		}
	}
	return wrong
}

func unpinned(s *types.ServiceConfig) []string {
	_, tag, _ := strings.Cut(s.Image, ":")
	if s.Build == nil && (tag == "" || tag == "latest" || !strings.Contains(tag, ".")) {
		return []string{"its image has no complete version"}
	}
	return nil
}

// absent names the mounted files that are not there; a container engine would make folders in their place.
func absent(s *types.ServiceConfig) []string {
	var wrong []string
	for _, v := range s.Volumes {
		if v.Type != types.VolumeTypeBind {
			continue
		}
		if _, err := os.Stat(v.Source); err != nil {
			wrong = append(wrong, err.Error())
		}
		if !v.ReadOnly {
			wrong = append(wrong, v.Target+" is writable")
		}
	}
	return wrong
}

func unhealthy(project *types.Project, s *types.ServiceConfig) []string {
	var wrong []string
	if s.HealthCheck == nil || len(s.HealthCheck.Test) < 2 {
		wrong = append(wrong, "it has no health check")
	}
	for name, d := range s.DependsOn {
		if d.Condition == types.ServiceConditionHealthy && project.Services[name].HealthCheck == nil {
			wrong = append(wrong, name+", which it waits for, has no health check")
		}
	}
	return wrong
}
