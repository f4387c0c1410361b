package grpccheck

import (
	"context"
	"encoding/base64"
	"maps"
	"net"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/field"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/target"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// metadata returns what is sent with each call, nil for nothing, and adds it to the secrets.
func (c *Config) metadata(m *field.Mistakes, set *secret.Set) metadata.MD {
	if len(c.Metadata) == 0 {
		return nil
	}
	md := make(metadata.MD, len(c.Metadata))
	for _, name := range slices.Sorted(maps.Keys(c.Metadata)) {
		value := c.Metadata[name]
		set.Add(value)
		path := "metadata." + name
		switch {
		case !validKey(name):
			m.Add("metadata", "%.40q is not a name of metadata: want lower case letters, digits, and the characters _ - .", name)
		case strings.HasPrefix(name, "grpc-"), slices.Contains([]string{"content-type", "te", "user-agent", "host", "connection", "transfer-encoding"}, name):
			m.Add(path, "is set by the check itself")
		case name == "authorization" && c.Authorization != nil:
			m.Add(path, "is there beside authorization: leave only one of them")
		case strings.HasSuffix(name, "-bin"):
			data, err := base64.StdEncoding.DecodeString(value)
			if err != nil {
				m.Add(path, "is not base64, as the value of a name that ends in -bin is")
			}
			set.Add(string(data))
			value = string(data)
		case !printable(value):
			m.Add(path, "has a value with characters other than printable ASCII: end its name in -bin and give the value in base64")
		}
		md[name] = []string{value}
	}
	return md
}

// validKey reports whether a name is one of metadata (Header-Name of the protocol gRPC over HTTP/2).
func validKey(name string) bool {
	return name != "" && !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '_' && r != '-' && r != '.'
	})
}

// printable reports whether a value is one of metadata (ASCII-Value of the protocol gRPC over HTTP/2).
func printable(value string) bool {
	return !strings.ContainsFunc(value, func(r rune) bool { return r < 0x20 || r > 0x7e })
}

// outgoing returns the context of the calls of a run.
func (c *checker) outgoing(ctx context.Context) (context.Context, error) {
	if c.authorization == nil && c.metadata == nil {
		return ctx, nil
	}
	md := c.metadata
	if c.authorization != nil {
		value, err := c.authorization.Value(ctx)
		if err != nil {
			return nil, healthcheck.Errorf(healthcheck.ReasonAuth, "authorization: %w", err)
		}
		if !printable(value) {
			return nil, healthcheck.Errorf(healthcheck.ReasonAuth, "authorization: has characters other than printable ASCII")
		}
		md = metadata.Join(md, metadata.Pairs("authorization", value))
	}
	return metadata.NewOutgoingContext(ctx, md), nil
}

// authorityOf returns host and port as a request names them.
func authorityOf(a target.Address) string { return net.JoinHostPort(a.ServerName(), a.Port) }
