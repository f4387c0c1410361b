package collector

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// HandlerOptions are the options of [Handler]; the zero value serves the collector alone.
type HandlerOptions struct {
	// Others are served beside the collector, for example a prometheus.Registry with the Go and process collectors.
	// A family with the name of one of the collector's is left out, so that it may be registered there as well.
	Others prometheus.Gatherer
	// Logger is told when others cannot be gathered; what could be is served all the same. Nil logs nothing.
	Logger *slog.Logger
}

// Handler serves the metrics of c in the formats and compressions that promhttp offers, and filters by the query
// parameter name[] as promhttp does. Its cost for a series is a few percent of promhttp's, and it allocates as much for
// 10 checks as for 100,000.
func Handler(c *Collector, o HandlerOptions) http.Handler {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		var others []*dto.MetricFamily
		if o.Others != nil {
			var err error
			if others, err = o.Others.Gather(); err != nil {
				log.Error("metrics beside those of checks cannot be gathered", "err", err)
			}
		}
		format := expfmt.NegotiateAccept(req.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...)
		coding := negotiateCoding(req.Header.Values("Accept-Encoding"))
		h := w.Header()
		h.Add("Vary", "Accept")
		h.Add("Vary", "Accept-Encoding")
		h.Set("Content-Type", string(format))
		if coding != identity {
			h.Set("Content-Encoding", string(coding))
		}
		out, finish := compressor(w, coding)
		defer finish()
		if err := c.write(out, format, others, nameFilter(req)); err != nil {
			log.Debug("scrape was cut short", "remote", req.RemoteAddr, "err", err) // mostly the client has gone
		}
	})
}

// write writes the metrics of c and of others.
func (c *Collector) write(w io.Writer, format expfmt.Format, others []*dto.MetricFamily, wanted func(string) bool) error {
	v := c.acquire()
	defer c.release(v)
	to := newBuffer(w)
	defer to.free()
	enc := expfmt.NewEncoder(to, format)
	messages := wholeFamilies(&v.snapshot)
	if !writeFamilies(to, v, format, wanted) {
		var err error
		if messages, err = c.messages(); err != nil {
			return fmt.Errorf("gather: %w", err)
		}
	} else if c.durations != nil {
		messages = append(messages, c.durations.family(&v.snapshot)...)
	}
	for _, f := range others {
		if !fixedNames[f.GetName()] && !v.measured.has(f.GetName()) {
			messages = append(messages, f)
		}
	}
	for _, f := range messages {
		if !wanted(f.GetName()) {
			continue
		}
		if err := enc.Encode(f); err != nil {
			return fmt.Errorf("encode %s: %w", f.GetName(), err)
		}
	}
	if closer, ok := enc.(expfmt.Closer); ok {
		if err := closer.Close(); err != nil {
			return fmt.Errorf("encode: %w", err)
		}
	}
	to.flush()
	return to.err
}

// messages returns all metrics of c in the ordinary way, for formats that are for people to read.
func (c *Collector) messages() ([]*dto.MetricFamily, error) {
	r := prometheus.NewRegistry()
	if err := r.Register(c); err != nil {
		return nil, err
	}
	return r.Gather()
}

// nameFilter returns the filter of the query parameters name[].
func nameFilter(req *http.Request) func(string) bool {
	var names []string
	if req.URL != nil && req.URL.RawQuery != "" {
		names = req.URL.Query()["name[]"]
	}
	if len(names) == 0 {
		return func(string) bool { return true }
	}
	set := make(map[string]bool, len(names))
	for _, n := range names {
		set[n] = true
	}
	return func(name string) bool { return set[name] }
}
