package document

import (
	"errors"
	"fmt"
	"strings"
)

// Suggestion returns the candidate that was probably meant by word, or "".
func Suggestion(word string, candidates []string) string {
	const longest = 64 // beyond, it is no typing mistake, and comparing would cost too much
	if len(word) > longest {
		return ""
	}
	best, bestDistance := "", 1+min(len(word)/3, 3)
	if len(word) == 3 {
		bestDistance = 3 // ulr, htp
	}
	plain := squash(word)
	for _, candidate := range candidates {
		if squash(candidate) == plain {
			return candidate
		}
		if d := len(candidate) - len(word); d >= bestDistance || -d >= bestDistance {
			continue
		}
		if d := distance(word, candidate); d < bestDistance {
			best, bestDistance = candidate, d
		}
	}
	return best
}

var separators = strings.NewReplacer("_", "", "-", "")

// squash makes failureThreshold, failure-threshold and failure_threshold one.
func squash(s string) string {
	return strings.ToLower(separators.Replace(s))
}

// distance returns the number of bytes to insert, delete, replace, or swap with a neighbour, that makes a into b.
func distance(a, b string) int {
	older, old, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		older, old, row = old, row, older
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			row[j+1] = min(old[j]+cost, old[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				row[j+1] = min(row[j+1], older[j-1]+1)
			}
		}
	}
	return row[len(b)]
}

// UnknownKey returns an error that says that a key is none of the known ones, and which it may have been meant to be. What may be a secret
// is shown only if it is like a known one.
func UnknownKey(key string, known []string, secret bool) error {
	s := Suggestion(key, known)
	switch {
	case s != "":
		return fmt.Errorf("unknown key %q; did you mean %q?", Shorten(key), s)
	case len(known) == 0 && secret:
		return errors.New("unknown key")
	case len(known) == 0:
		return fmt.Errorf("unknown key %q", Shorten(key))
	}
	const most = 40
	list := strings.Join(known[:min(len(known), most)], ", ")
	if len(known) > most {
		list += ", …"
	}
	if secret {
		return fmt.Errorf("unknown key; known are: %s", list)
	}
	return fmt.Errorf("unknown key %q; known are: %s", Shorten(key), list)
}

// IsUnknownKey reports whether a mistake is that of [UnknownKey], or one that begins with its words.
func IsUnknownKey(e *Error) bool { return strings.HasPrefix(e.Err.Error(), "unknown key") }
