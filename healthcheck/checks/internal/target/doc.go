// Package target reads what a check is pointed at: a host, a host and a port, a URL. All kinds of checks take the same
// names, by the same rules, and show them in the same way:
//
//	address, err := target.ParseAddress(c.Address, "5432") // or "": the port must be there
//	conn, err := dialer.DialContext(ctx, "tcp", address.String())
//	cfg, err := source.ConfigFor(address.ServerName())
//	details := "connect to " + address.Label()
//
//	u, err := target.ParseURL(c.URL, "http", "https")      // ready to be requested
//	func (c Config) Target() string { return target.URLLabel(c.URL) }
//
// A host is an IPv4 address, an IPv6 address with or without a zone (RFC 4007), or a name of letters, digits, hyphens
// and underscores, since those are in use. An internationalized name is converted as browsers do it: by UTS 46,
// non-transitional. Everything that goes over a wire is ASCII then; labels keep what people read.
//
// What is written in a configuration may hold a password. No error repeats it, and no label has it.
package target
