// Package gatus converts the configuration of gatus.
//
// The format is that of gatus' README, "Configuration" and "Conditions".
package gatus

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/draft"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/convert/internal/tree"
	"github.com/healthcheck-exporter/healthcheck_exporter/exporter/config/maintenance"
)

// What an endpoint has that says nothing.
const (
	defaultInterval = time.Minute
	defaultTimeout  = 10 * time.Second
)

// forAlertmanager is said of alerts.
const forAlertmanager = "alerts are made by the alert rules and sent by Alertmanager"

type converter struct{ draft *draft.Draft }

// Convert adds a check for each endpoint. The roots are of files that gatus would merge.
func Convert(d *draft.Draft, roots []*tree.Node) {
	c := &converter{draft: d}
	for _, root := range roots {
		root.Walk(func(n *tree.Node) {
			for _, name := range variables(n.PeekSelf()) {
				d.Reserve(name)
			}
		})
	}
	for _, root := range roots {
		c.convert(root.Use())
		root.Sweep()
	}
}

func (c *converter) convert(root *tree.Node) {
	if w := root.Map("maintenance"); w != nil {
		if window := c.window(w); window != nil {
			c.draft.Maintenance = append(c.draft.Maintenance, window)
		}
	}
	for _, n := range root.List("endpoints") {
		c.endpoint(n)
	}
	for _, n := range root.List("external-endpoints") {
		c.place(n, "its results are pushed: there is no kind of check for that")
	}
	for _, n := range root.List("suites") {
		c.place(n, "a suite runs endpoints one after the other with what the last one answered: that is not known here")
	}
	root.RefuseKeys(forAlertmanager, "alerting")
	root.RefuseKeys("results of other instances are not known here", "remote")
	root.RefuseKeys("whether this machine has a network is not looked at first: let checks depend on one", "connectivity")
	root.RefuseKeys("SSH tunnels are not known here", "tunneling")
	for _, part := range root.Parts() {
		if strings.HasPrefix(part.Key(), "x-") {
			part.Ignore("it is there for its anchors")
		}
	}
	root.IgnoreKeys("it is about the page", "ui", "announcements")
	root.IgnoreKeys("it is about the server: see --web.config.file", "web", "security")
	root.IgnoreKeys("nothing is stored", "storage")
	root.IgnoreKeys("it is about the program, not about what it checks", "metrics", "debug", "skip-invalid-config-update",
		"disable-monitoring-lock", "concurrency")
}

// place stands where a check would be.
func (c *converter) place(n *tree.Node, why string) {
	place := &draft.Check{From: n, About: about(n)}
	back := c.draft.Ledger.At(&place.Notes)
	defer back()
	n.Refuse("%s", why)
	c.draft.Add(place)
}

// about names an endpoint that there will be no check for.
func about(n *tree.Node) []string {
	name := n.Peek("name")
	if group := n.Peek("group"); group != "" {
		name = group + "/" + name
	}
	if name == "" {
		return nil
	}
	return []string{fmt.Sprintf("%.200s:", name)}
}

// days are the names that gatus knows, in the order of cron.
var days = []string{"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"}

// window converts a maintenance period. It is nil where there is none.
func (c *converter) window(n *tree.Node) *draft.Settings {
	if enabled, ok := n.Bool("enabled"); ok && !enabled {
		n.IgnoreKeys("the period is not enabled", "start", "duration", "timezone", "every")
		return nil
	}
	start, err := time.Parse("15:04", n.Text("start"))
	if err != nil {
		n.Refuse("start is not a time such as 23:00")
		return nil
	}
	every := "*"
	var weekdays []string
	for _, item := range n.List("every") {
		day, _ := item.Scalar()
		for i, name := range days {
			if day == name {
				weekdays = append(weekdays, strconv.Itoa(i))
				day = ""
			}
		}
		if day != "" {
			item.Refuse("is not the name of a day")
		}
	}
	if len(weekdays) > 0 {
		every = strings.Join(weekdays, ",")
	}
	duration, _ := n.Duration("duration")
	w := maintenance.Window{
		Cron:     fmt.Sprintf("%d %d * * %s", start.Minute(), start.Hour(), every),
		Duration: duration,
		Timezone: n.Text("timezone"),
	}
	if _, err := new(maintenance.Builder).Build([]maintenance.Window{w}); err != nil {
		n.Refuse("makes no maintenance window: %v", err)
		return nil
	}
	return new(draft.Settings).Set("cron", w.Cron).Set("duration", w.Duration).Set("timezone", w.Timezone)
}
