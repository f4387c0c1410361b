package target

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
)

// defaultPorts are those of the schemes that checks know.
var defaultPorts = map[string]string{"http": "80", "ws": "80", "https": "443", "wss": "443", "socks5": "1080", "socks5h": "1080"}

// ParseURL reads an absolute URL of one of the schemes. Its host is in ASCII then; user information, query and fragment
// are left as they are.
func ParseURL(s string, schemes ...string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, fmt.Errorf("is not a valid URL, want one like %s://host:port/path", schemes[0])
	}
	if err := CheckURL(u, schemes...); err != nil {
		return nil, err
	}
	return u, nil
}

// CheckURL does for a URL from elsewhere, such as the location of a redirect, what [ParseURL] does: it converts the
// host of u.
func CheckURL(u *url.URL, schemes ...string) error {
	_, err := checkURL(u, schemes)
	return err
}

// checkURL returns the host and port for people, as they stand in a URL.
func checkURL(u *url.URL, schemes []string) (label string, err error) {
	switch {
	case !slices.Contains(schemes, u.Scheme):
		return "", errors.New("has not the scheme " + alternatives(schemes))
	case u.Opaque != "" || u.Hostname() == "":
		return "", errors.New("names no host")
	}
	host, name, err := parseHost(u.Hostname())
	if err != nil {
		return "", fmt.Errorf("has a host that %w", err)
	}
	port := ""
	if p := u.Port(); p != "" {
		if port, err = Port(p); err != nil {
			return "", errors.New("has a port that is not in 1 to 65535")
		}
	}
	u.Host = join(host, port)
	return join(name, port), nil
}

// join returns host and port as u.Host has them.
func join(host, port string) string {
	switch {
	case port != "":
		return net.JoinHostPort(host, port)
	case strings.Contains(host, ":"):
		return "[" + host + "]"
	}
	return host
}

func alternatives(list []string) string {
	last := len(list) - 1
	if last == 0 {
		return list[0]
	}
	return strings.Join(list[:last], ", ") + " or " + list[last]
}

// AddressOf returns where to connect to for u, which [ParseURL] or [CheckURL] has seen.
func AddressOf(u *url.URL) Address {
	a := Address{Host: u.Hostname(), Port: u.Port()}
	if a.Port == "" {
		a.Port = defaultPorts[u.Scheme]
	}
	a.name = a.Host
	if strings.Contains(a.name, "xn--") {
		if name, err := profile.ToUnicode(a.name); err == nil {
			a.name = name
		}
	}
	return a
}

// URLLabel returns a URL, of any scheme, for people: without user information, without the values of its query, where
// keys are at home, and without its fragment. It is empty for what [ParseURL] would refuse.
func URLLabel(s string) string {
	u, err := url.Parse(s)
	if err != nil {
		return ""
	}
	host, err := checkURL(u, []string{u.Scheme})
	if err != nil || u.Scheme == "" {
		return ""
	}
	var b strings.Builder
	b.WriteString(u.Scheme + "://" + strings.Replace(host, "%", "%25", 1) + u.EscapedPath()) // RFC 6874
	separator := byte('?')
	for pair := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == ';' }) {
		b.WriteByte(separator)
		separator = '&'
		// A parameter without a value may be a bare token.
		if name, _, ok := strings.Cut(pair, "="); ok {
			b.WriteString(printable(name) + "=")
		}
		b.WriteString("…")
	}
	return b.String()
}
