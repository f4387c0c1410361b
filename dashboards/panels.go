package dashboards

import "strings"

// Colors of Grafana's palette, by meaning.
const (
	good    = "green"
	bad     = "red"
	warning = "orange"
	neutral = "blue"
	muted   = "purple"
	plain   = "text"
)

var prometheus = dataSource{Type: "prometheus", UID: "${datasource}"}

// query is one query of a panel.
type query struct {
	expr   string
	legend string
}

// newPanel returns a panel of a size on Grafana's grid of 24 columns. Units are Grafana's: "s", "percentunit", "none".
func newPanel(kind, title, description, unit string, w, h int, queries []query) *panel {
	p := &panel{
		Type: kind, Title: title, Description: description,
		GridPos:    gridPos{W: w, H: h},
		DataSource: &prometheus,
		FieldConfig: &fieldConfig{
			Defaults:  fieldDefaults{Unit: unit, Thresholds: steps(plain)},
			Overrides: []override{},
		},
	}
	for i, q := range queries {
		p.Targets = append(p.Targets, target{
			RefID: string(rune('A' + i)), DataSource: prometheus, EditorMode: "code",
			Expr: q.expr, Format: "time_series", LegendFormat: q.legend, Range: true,
		})
	}
	return p
}

// instant makes the queries ask for the end of the time range alone.
func (p *panel) instant() *panel {
	for i := range p.Targets {
		p.Targets[i].Instant, p.Targets[i].Range = true, false
	}
	return p
}

func (p *panel) format(f string) *panel {
	for i := range p.Targets {
		p.Targets[i].Format = f
	}
	return p
}

func (p *panel) thresholds(t thresholds) *panel {
	p.FieldConfig.Defaults.Thresholds = t
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	return p
}

func (p *panel) mappings(m ...object) *panel {
	p.FieldConfig.Defaults.Mappings = m
	return p
}

func (p *panel) noValue(text string) *panel {
	p.FieldConfig.Defaults.NoValue = text
	return p
}

// needsDefault is for panels that show nothing of checks of the lean profile of metrics.
func (p *panel) needsDefault() *panel {
	p.Description += " Needs the metrics profile default."
	return p
}

func (p *panel) decimals(n int) *panel {
	p.FieldConfig.Defaults.Decimals = &n
	return p
}

func (p *panel) limits(low, high float64) *panel {
	p.FieldConfig.Defaults.Min, p.FieldConfig.Defaults.Max = &low, &high
	return p
}

func (p *panel) fromZero() *panel {
	p.FieldConfig.Defaults.Min = new(float64)
	return p
}

func (p *panel) links(l ...dataLink) *panel {
	p.FieldConfig.Defaults.Links = l
	return p
}

// override sets properties of the field with a display name.
func (p *panel) override(name string, properties ...property) *panel {
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, override{
		Matcher: matcher{ID: "byName", Options: name}, Properties: properties,
	})
	return p
}

// options sets options of the panel's kind beside those that all panels of the kind here have.
func (p *panel) options(o object) *panel {
	for k, v := range o {
		p.Options[k] = v
	}
	return p
}

// stat shows one large value, at the end of the time range.
func stat(title, description, unit string, w int, queries ...query) *panel {
	p := newPanel("stat", title, description, unit, w, 4, queries).instant()
	p.Options = object{
		"colorMode": "value", "graphMode": "none", "justifyMode": "auto", "orientation": "auto", "textMode": "auto",
		"wideLayout": true, "showPercentChange": false, "percentChangeColorMode": "standard",
		"reduceOptions": object{"calcs": []string{"lastNotNull"}, "fields": "", "values": false},
	}
	return p
}

// graph shows lines over time.
func graph(title, description, unit string, w int, queries ...query) *panel {
	p := newPanel("timeseries", title, description, unit, w, 8, queries)
	p.FieldConfig.Defaults.Color = object{"mode": "palette-classic"}
	p.FieldConfig.Defaults.Custom = object{
		"drawStyle": "line", "lineWidth": 1, "fillOpacity": 10, "showPoints": "auto", "spanNulls": false,
		"stacking": object{"group": "A", "mode": "none"},
	}
	p.Options = object{
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": true, "calcs": []string{}},
		"tooltip": object{"mode": "multi", "sort": "desc"},
	}
	return p
}

// stacked puts the areas of a graph on top of each other.
func (p *panel) stacked() *panel {
	p.FieldConfig.Defaults.Custom["stacking"] = object{"group": "A", "mode": "normal"}
	p.FieldConfig.Defaults.Custom["fillOpacity"] = 40
	return p
}

// marked draws thresholds as lines.
func (p *panel) marked(t thresholds) *panel {
	p.FieldConfig.Defaults.Thresholds = t
	p.FieldConfig.Defaults.Custom["thresholdsStyle"] = object{"mode": "dashed"}
	return p
}

// stateTimeline shows one line for each series, colored by state.
func stateTimeline(title, description string, h int, queries ...query) *panel {
	p := newPanel("state-timeline", title, description, "none", 24, h, queries)
	p.FieldConfig.Defaults.Color = object{"mode": "thresholds"}
	p.FieldConfig.Defaults.Custom = object{"lineWidth": 0, "fillOpacity": 80}
	p.Options = object{
		"alignValue": "left", "mergeValues": true, "rowHeight": 0.8, "showValue": "auto",
		"legend":  object{"displayMode": "list", "placement": "bottom", "showLegend": false, "calcs": []string{}},
		"tooltip": object{"mode": "single", "sort": "none"},
	}
	return p
}

// heatmap shows a histogram over time, whose queries must have the format "heatmap".
func heatmap(title, description, unit string, w int, queries ...query) *panel {
	p := newPanel("heatmap", title, description, unit, w, 8, queries).format("heatmap")
	p.FieldConfig.Defaults.Custom = object{"scaleDistribution": object{"type": "linear"}}
	p.Options = object{
		"calculate": false, "cellGap": 1, "showValue": "never",
		"cellValues": object{"unit": "ops"},
		"color": object{
			"mode": "scheme", "scheme": "Oranges", "scale": "exponential", "exponent": 0.5, "fill": "dark-orange",
			"steps": 64, "reverse": false,
		},
		"exemplars":    object{"color": "rgba(255,0,255,0.7)"},
		"filterValues": object{"le": 1e-9},
		"legend":       object{"show": true},
		"rowsFrame":    object{"layout": "auto"},
		"tooltip":      object{"mode": "single", "showColorScale": false, "yHistogram": false},
		"yAxis":        object{"axisPlacement": "left", "reverse": false, "unit": unit},
	}
	return p
}

// column is a column of a table: a label, or the value of a query, which is "Value #A" and so on, or "Value" in a table
// with one query.
type column struct {
	field      string
	name       string // empty leaves that of the field, "-" leaves the column out
	properties []property
}

// table shows the queries as one table with a row for each set of labels. Columns come in the order given, further
// labels, such as those that users give to checks, after them. It is sorted by the column whose name is sortBy.
func table(title, description string, w, h int, sortBy string, descending bool, columns []column, queries ...query) *panel {
	p := newPanel("table", title, description, "none", w, h, queries).instant().format("table")
	p.FieldConfig.Defaults.Custom = object{
		"align": "auto", "cellOptions": object{"type": "auto"}, "filterable": true, "inspect": false,
	}
	p.Options = object{
		"showHeader": true, "frameIndex": 0, "cellHeight": "sm", "enablePagination": true,
		"sortBy": []object{{"displayName": sortBy, "desc": descending}},
	}
	index, names, hidden := object{}, object{}, object{"Time": true, "__name__": true}
	for i, c := range columns {
		index[c.field] = i
		hidden[c.field] = c.name == "-"
		name := c.field
		if c.name != "" && c.name != "-" {
			name = c.name
			names[c.field] = name
		}
		if len(c.properties) > 0 {
			p.override(name, c.properties...)
		}
	}
	if len(queries) > 1 {
		p.Transformations = append(p.Transformations, transformation{ID: "merge", Options: object{}})
	}
	p.Transformations = append(p.Transformations, transformation{ID: "organize", Options: object{
		"excludeByName": hidden, "indexByName": index, "renameByName": names,
	}})
	return p
}

func unit(u string) property    { return property{"unit", u} }
func maps(m ...object) property { return property{"mappings", m} }
func fixedColor(c string) property {
	return property{"color", object{"mode": "fixed", "fixedColor": c}}
}
func levels(t thresholds) property { return property{"thresholds", t} }
func goTo(l ...dataLink) property  { return property{"links", l} }
func digits(n int) property        { return property{"decimals", n} }
func colored() property            { return property{"custom.cellOptions", object{"type": "color-text"}} }

// steps begins with a color, followed by the values from which on there are others.
func steps(first string, more ...step) thresholds {
	return thresholds{Mode: "absolute", Steps: append([]step{{Color: first}}, more...)}
}

func above(v float64, color string) step { return step{Color: color, Value: &v} }

// values maps values to texts with a color.
func values(m map[string]object) object { return object{"type": "value", "options": m} }

func text(s, color string) object { return object{"text": s, "color": color} }

// row is a titled group of panels.
type row struct {
	title  string
	panels []*panel
}

// layout puts the panels of each row beside each other, beginning a new line where one does not fit, and numbers them.
func layout(matchers string, rows ...row) []*panel {
	var all []*panel
	y := 0
	add := func(p *panel) {
		p.ID = len(all) + 1
		for i := range p.Targets {
			p.Targets[i].Expr = expand(p.Targets[i].Expr, matchers)
		}
		all = append(all, p)
	}
	for _, r := range rows {
		open, none := false, []*panel{}
		add(&panel{Type: "row", Title: r.title, GridPos: gridPos{H: 1, W: 24, Y: y}, Collapsed: &open, Panels: &none})
		y++
		x, height := 0, 0
		for _, p := range r.panels {
			if x+p.GridPos.W > 24 {
				x, y, height = 0, y+height, 0
			}
			p.GridPos.X, p.GridPos.Y = x, y
			x, height = x+p.GridPos.W, max(height, p.GridPos.H)
			add(p)
		}
		y += height
	}
	return all
}

// expand puts matchers where a query says <m>.
func expand(expr, matchers string) string {
	return strings.TrimSpace(strings.ReplaceAll(expr, "<m>", matchers))
}
