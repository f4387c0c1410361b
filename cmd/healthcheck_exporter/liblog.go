package main

import (
	"log/slog"
	"regexp"
	"strings"
)

// libraryLog is where package log writes to: what libraries have to say, such as net/http of a peer that breaks the rules
// of HTTP/2, is told as all else is.
type libraryLog struct{ log *slog.Logger }

// quoted is what a library shows of a peer, which may send back a secret.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Write takes one message.
func (l libraryLog) Write(p []byte) (int, error) {
	l.log.Warn("a library says", "text", quoted.ReplaceAllString(strings.TrimSpace(string(p)), `"…"`))
	return len(p), nil
}
