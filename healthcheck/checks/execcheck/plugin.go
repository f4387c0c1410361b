package execcheck

import (
	"strconv"
	"strings"

	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck"
	"github.com/healthcheck-exporter/healthcheck_exporter/healthcheck/checks/secret"
)

// pluginState returns what an exit code means by the Monitoring Plugins guidelines, nothing for 0.
func pluginState(exitCode int) string {
	switch exitCode {
	case 0:
		return ""
	case 1:
		return "warning"
	case 2:
		return "critical"
	case 3:
		return "unknown"
	default:
		return "exit code " + strconv.Itoa(exitCode)
	}
}

// plugin is what the output of a monitoring plugin says.
type plugin struct {
	text    string // the first line, without performance data
	values  []healthcheck.Value
	dropped dropped
}

// parsePlugin reads the output of a plugin:
//
//	TEXT | PERFORMANCE DATA
//	LONG TEXT
//	LONG TEXT | PERFORMANCE DATA
//	PERFORMANCE DATA
//
// If the output was cut off, so is what may be half of a value.
func parsePlugin(output []byte, cut bool, secrets *secret.Set) plugin {
	text := strings.TrimLeft(string(output), "\r\n")
	p := perfParser{text: text, secrets: secrets, dropped: dropped{secrets: secrets}}
	if cut {
		p.text = text[:strings.LastIndexAny(text, " \t\r\n")+1]
		p.dropped.add("what was cut off")
	}
	pipe := strings.IndexAny(p.text, "|\n")
	if pipe < 0 {
		pipe = len(p.text)
	}
	words, pos := p.text[:pipe], pipe
	if strings.HasPrefix(p.text[pipe:], "|") {
		s := p.section(pipe + 1)
		pos = s.end
		if words = p.text[:s.begin-1]; !p.take(&s) {
			words = strings.TrimRight(p.text[:pos], "| \t\r") // the pipe is part of the text
		}
	}
	if i := strings.IndexByte(p.text[pos:], '|'); i >= 0 {
		for pos += i; pos < len(p.text); {
			s := p.section(pos + 1)
			p.take(&s)
			pos = s.end
		}
	}
	return plugin{text: secrets.Excerpt([]byte(words), maxLine), values: p.values, dropped: p.dropped}
}

// dropped is what of the performance data could not be used, for people.
type dropped struct {
	secrets  *secret.Set
	count    int
	examples []string
}

const (
	maxExamples    = 3
	maxExampleSize = 40
)

func (d *dropped) add(what string) {
	d.count++
	if len(d.examples) < maxExamples {
		d.examples = append(d.examples, d.secrets.Excerpt([]byte(what), maxExampleSize))
	}
}

// note returns a text to put behind others, empty where nothing was dropped.
func (d *dropped) note() string {
	if d.count == 0 {
		return ""
	}
	text := "(dropped of the performance data: " + strings.Join(d.examples, ", ")
	if more := d.count - len(d.examples); more > 0 {
		text += " and " + strconv.Itoa(more) + " more"
	}
	return text + ")"
}
