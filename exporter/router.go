package exporter

import (
	"fmt"
	"net/http"
	"net/http/pprof"

	"github.com/go-chi/chi/v5"
	"github.com/prometheus/common/version"

	"github.com/healthcheck-exporter/healthcheck_exporter/collector"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/internal/page"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
)

const (
	statusPath  = "/status"
	healthyPath = "/-/healthy"
	readyPath   = "/-/ready"
	reloadPath  = "/-/reload"
	pprofPath   = "/debug/pprof"
)

// healthyText is the answer of a process that works.
const healthyText = "healthcheck_exporter is healthy."

// router returns all routes of the exporter.
func (e *Exporter) router() http.Handler {
	r := chi.NewRouter()
	get(r, e.options.TelemetryPath, metricsHandler(e.collector, e.own, collector.HandlerOptions{Logger: e.log}))
	get(r, statusPath, healthcheck.StatusHandler(e.registry, e.identity))
	get(r, statusPath+"/{endpoint}", healthcheck.CheckHandler(e.registry))
	get(r, "/", page.New(e.registry, page.Info{
		Identity:    e.identity,
		MetricsPath: e.options.TelemetryPath,
		Version:     version.Version,
		Started:     e.started,
		Reload:      e.lastReload,
		Pprof:       e.options.EnablePprof,
	}))
	e.routeHealth(r)
	if e.options.EnableLifecycle {
		r.Post(reloadPath, e.serveReload)
		r.Put(reloadPath, e.serveReload)
	}
	if e.options.EnablePprof {
		r.Method(http.MethodGet, pprofPath, http.RedirectHandler(pprofPath+"/", http.StatusMovedPermanently))
		r.Get(pprofPath+"/", pprof.Index)
		r.Get(pprofPath+"/cmdline", pprof.Cmdline)
		r.Get(pprofPath+"/profile", pprof.Profile)
		r.HandleFunc(pprofPath+"/symbol", pprof.Symbol)
		r.Get(pprofPath+"/trace", pprof.Trace)
		r.Get(pprofPath+"/{profile}", pprof.Index)
	}
	return r
}

func get(r chi.Router, path string, h http.Handler) {
	r.Method(http.MethodGet, path, h)
	r.Method(http.MethodHead, path, h)
}

func (e *Exporter) serveReload(w http.ResponseWriter, _ *http.Request) {
	if err := e.reloadAndLog(e.ended, nil); err != nil { // also if the client does not wait for the end
		http.Error(w, "The configuration was not changed:\n"+err.Error(), http.StatusInternalServerError)
		return
	}
	fmt.Fprintln(w, "The configuration was read again.")
}
