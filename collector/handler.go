package collector

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
)

// HandlerOptions are the options of [Handler]; the zero value serves the collector alone.
type HandlerOptions struct {
	// Others are served beside the collector, for example a prometheus.Registry with the Go and process collectors.
	// A family with the name of one of the collector's, or of a series in one, is left out, so that the collector may be
	// registered there as well.
	Others prometheus.Gatherer
	// Logger is told when others cannot be gathered; what could be is served all the same. Nil logs nothing.
	Logger *slog.Logger
}

// Handler serves the metrics of c in the formats and compressions that promhttp offers, and filters by the query
// parameter name[] as promhttp does. Its cost for a series is a few percent of promhttp's, and it allocates as much for
// 10 checks as for 100,000.
//
// Scrapes that begin within 100 ms of each other, while the first one is still being answered, get the same answer. A
// change of checks or of their states is seen by every scrape that begins after it.
//
// All scrapes under way together hold up to 64 MiB, or what one needs if that is more. A scrape that finds no room waits
// for it, and ends others that stand in its way: those that have taken nothing for a second, and after five seconds the
// oldest. If that is of no use it is answered with 503. A client so slow that its answer is made for it alone is broken off
// where there is no room for that.
//
// An answer that cannot be completed is 500, or broken off if its beginning is sent.
func Handler(c *Collector, o HandlerOptions) http.Handler {
	log := o.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &handler{collector: c, others: o.Others, log: log, scrapes: newSharer()}
}

type handler struct {
	collector *Collector
	others    prometheus.Gatherer // may be nil
	log       *slog.Logger
	scrapes   *sharer
}

// ServeHTTP implements http.Handler.
func (h *handler) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	header := w.Header()
	header.Add("Vary", "Accept")
	header.Add("Vary", "Accept-Encoding")
	coding, ok := negotiateCoding(req.Header.Values("Accept-Encoding"))
	if !ok {
		http.Error(w, "The metrics are sent as they are, or with gzip or zstd.", http.StatusNotAcceptable)
		return
	}
	names := namesWanted(req)
	key := shareKey{
		format: expfmt.NegotiateAccept(req.Header, expfmt.DefaultOpenMetricsAcceptedFormats()...),
		coding: coding,
		names:  fmt.Sprintf("%q", names), // of any names, which may hold anything
		// Before the values are read: what changes in between is shown, and not shared.
		generation: h.collector.generation(),
	}
	header.Set("Content-Type", string(key.format))
	if key.coding != identity {
		header.Set("Content-Encoding", string(key.coding))
	}
	body := h.scrapes.join(key, h.gatherOthers, func(others []*dto.MetricFamily) (content, error) {
		return h.collector.content(key, others, nameFilter(names))
	})
	defer body.close()
	body.abortable(http.NewResponseController(w).SetWriteDeadline)
	sent, err := copyBody(req.Context(), w, body)
	h.end(w, req, body, sent, err)
}

func (h *handler) gatherOthers() []*dto.MetricFamily {
	if h.others == nil {
		return nil
	}
	families, err := h.others.Gather()
	if err != nil {
		h.log.Error("metrics beside those of checks cannot be gathered", "err", err)
	}
	return families
}

// end tells of an answer that is not whole. Nothing but breaking it off can tell the client, once its beginning is sent.
func (h *handler) end(w http.ResponseWriter, req *http.Request, body *reader, sent bool, err error) {
	fail := func(text string, code int) {
		w.Header().Del("Content-Encoding")
		http.Error(w, text, code)
	}
	switch {
	case err == nil:
	case errors.Is(err, errWrite) && body.aborted():
		h.log.Warn("scrape was broken off for another", "remote", req.RemoteAddr)
	case errors.Is(err, errWrite) || req.Context().Err() != nil:
		h.log.Debug("scrape was cut short", "remote", req.RemoteAddr, "err", err) // mostly the client has gone
	case errors.Is(err, errNoRoom):
		h.log.Warn("scrape was refused", "remote", req.RemoteAddr, "err", err)
		if sent {
			panic(http.ErrAbortHandler)
		}
		fail("Too many scrapes are under way.", http.StatusServiceUnavailable)
	default:
		h.log.Error("metrics cannot be encoded", "err", err)
		if sent {
			panic(http.ErrAbortHandler)
		}
		fail("The metrics cannot be encoded:\n"+err.Error(), http.StatusInternalServerError)
	}
}

// errWrite is wrapped by the errors of writing to the client.
var errWrite = errors.New("write")

// copyBody reports whether any part of the body went out.
func copyBody(ctx context.Context, w io.Writer, body *reader) (sent bool, err error) {
	for {
		b, ok, err := body.next(ctx)
		if !ok {
			return sent, err
		}
		sent = true
		if _, err = w.Write(b); err != nil {
			return sent, fmt.Errorf("%w: %w", errWrite, err)
		}
	}
}

// content returns the metrics of c and of others, as they are now. Its view is to be released.
func (c *Collector) content(key shareKey, others []*dto.MetricFamily, wanted func(string) bool) (content, error) {
	v := c.acquire()
	s := content{view: v, format: key.format, coding: key.coding}
	var messages []*dto.MetricFamily
	if writerFor(key.format) == nil { // a format that is for people to read
		var err error
		if messages, err = c.messages(); err != nil {
			v.release()
			return content{}, fmt.Errorf("gather: %w", err)
		}
	} else {
		s.families = slices.DeleteFunc(v.families(), func(f *family) bool { return !wanted(f.name) })
		messages = wholeFamilies(&v.snapshot)
		if c.durations != nil && wanted(durationsName) {
			messages = append(messages, c.durations.family(&v.snapshot)...)
		}
	}
	s.size = v.size()
	if c.durations != nil {
		s.size += len(v.snapshot.States) * histogramSize
	}
	for _, f := range others {
		if !v.measured.clashes(f) {
			messages = append(messages, f)
		}
	}
	s.messages = slices.DeleteFunc(messages, func(f *dto.MetricFamily) bool { return !wanted(f.GetName()) })
	return s, nil
}

// messages returns all metrics of c in the ordinary way, for formats that are for people to read.
func (c *Collector) messages() ([]*dto.MetricFamily, error) {
	r := prometheus.NewRegistry()
	if err := r.Register(c); err != nil {
		return nil, err
	}
	return r.Gather()
}

// namesWanted returns the query parameters name[]; without any, all names are wanted.
func namesWanted(req *http.Request) []string {
	if req.URL == nil || req.URL.RawQuery == "" {
		return nil
	}
	return req.URL.Query()["name[]"]
}

func nameFilter(names []string) func(string) bool {
	if len(names) == 0 {
		return func(string) bool { return true }
	}
	return func(name string) bool { return slices.Contains(names, name) }
}
