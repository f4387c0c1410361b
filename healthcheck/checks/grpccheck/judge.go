package grpccheck

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/internal/peer"
)

const excerptLen = 200 // bytes of what a server says

// statusOf returns the status of a name that there is.
func statusOf(name string) grpc_health_v1.HealthCheckResponse_ServingStatus {
	return grpc_health_v1.HealthCheckResponse_ServingStatus(grpc_health_v1.HealthCheckResponse_ServingStatus_value[name])
}

// statusName returns the name of a status, which a server may have made up.
func statusName(s grpc_health_v1.HealthCheckResponse_ServingStatus) string {
	if name, ok := grpc_health_v1.HealthCheckResponse_ServingStatus_name[int32(s)]; ok {
		return name
	}
	return fmt.Sprintf("status %d", s)
}

// codeNames are the names of status codes (https://grpc.io/docs/guides/status-codes), by their number.
var codeNames = [...]string{
	"OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
	"RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS",
	"UNAUTHENTICATED",
}

func codeName(c codes.Code) string {
	if int(c) < len(codeNames) {
		return codeNames[c]
	}
	return fmt.Sprintf("status code %d", c)
}

// judge measures what has come, and returns what is wrong with it. Of several services that are wrong the first tells the
// reason.
func (r *run) judge(ctx context.Context, answers []*answer) error {
	var reason healthcheck.Reason
	var wrong []string
	for _, a := range answers {
		err := r.judgeOne(ctx, a)
		if err == nil {
			continue
		}
		if len(wrong) == 0 {
			reason = healthcheck.ReasonOf(err)
		}
		if text := err.Error(); !slices.Contains(wrong, text) { // what ends the connection ends all calls
			wrong = append(wrong, text)
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return healthcheck.Errorf(reason, "%s: %s", r.address.Label(), strings.Join(wrong, "; "))
}

func (r *run) judgeOne(ctx context.Context, a *answer) error {
	label, what := wholeServer, ""
	if a.service != "" {
		label, what = a.service, fmt.Sprintf("service %q: ", a.service)
	}
	told := status.Convert(a.err)
	if a.err != nil && !a.toldByServer(told) {
		return r.explain(ctx, told)
	}
	r.values = append(r.values, statusCode.Value(float64(told.Code()), label))
	if a.err != nil {
		return healthcheck.Errorf(reasonOf(told.Code()), "%s%s", what, r.words(told))
	}
	r.values = append(r.values, servingStatus.Value(float64(a.status), label))
	if a.status != r.expect {
		return healthcheck.Errorf(healthcheck.ReasonStatus, "%s%s, want %s", what, statusName(a.status), statusName(r.expect))
	}
	return nil
}

// toldByServer reports whether a status came from the server. The library has made it up where the call has not ended, or
// what came is none that it can read.
func (a *answer) toldByServer(told *status.Status) bool {
	return a.ended.Load() && !strings.HasPrefix(told.Message(), "grpc: ")
}

// reasonOf returns the reason of a call that the server has ended with the code.
func reasonOf(code codes.Code) healthcheck.Reason {
	switch code {
	case codes.Unauthenticated, codes.PermissionDenied:
		return healthcheck.ReasonAuth
	case codes.DeadlineExceeded:
		return healthcheck.ReasonTimeout
	default:
		return healthcheck.ReasonStatus
	}
}

// words tells of a status in words: what it means here, and what the server says.
func (r *run) words(told *status.Status) string {
	text := codeName(told.Code())
	switch told.Code() {
	case codes.NotFound:
		text += " (the server knows no such service)"
	case codes.Unimplemented:
		text += " (the server has no grpc.health.v1.Health)"
	default:
	}
	if message := r.secrets.Excerpt([]byte(told.Message()), excerptLen); message != "" {
		text += ": " + message
	}
	return text
}

// httpStatus begins what the library says of an answer of HTTP that is none of gRPC. What follows is the number.
const httpStatus = "unexpected HTTP status code received from server: "

// explain returns what is wrong where the library has made up the status, in words that are the same in each run.
func (r *run) explain(ctx context.Context, told *status.Status) error {
	if ctx.Err() != nil || told.Code() == codes.DeadlineExceeded {
		return peer.Explain(ctx, phaseCheck, context.DeadlineExceeded)
	}
	message, _, _ := strings.Cut(told.Message(), "\ndata: ") // quoted by the library, so that secrets are not found
	if answer, ok := strings.CutPrefix(message, httpStatus); ok {
		reason := reasonOf(told.Code())
		if strings.HasPrefix(answer, "200 ") {
			reason = healthcheck.ReasonProtocol
		}
		return healthcheck.Errorf(reason, "check: the server does not speak gRPC: HTTP status %s", r.secrets.Excerpt([]byte(answer), excerptLen))
	}
	broken, leaving := r.channel.link.state()
	switch {
	case broken != nil:
		return peer.Explain(ctx, phaseCheck, broken)
	case leaving:
		return healthcheck.Errorf(healthcheck.ReasonProtocol, "check: the server takes no calls on a new connection (GOAWAY)")
	}
	return healthcheck.Errorf(healthcheck.ReasonProtocol, "check: %s", r.secrets.Excerpt([]byte(message), excerptLen))
}
