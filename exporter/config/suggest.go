package config

import (
	"fmt"
	"strings"
)

// suggestion returns the candidate that was probably meant by word, or "".
func suggestion(word string, candidates []string) string {
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

// squash makes failureThreshold, failure-threshold and failure_threshold one.
func squash(s string) string {
	return strings.ToLower(strings.NewReplacer("_", "", "-", "").Replace(s))
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

// unknown says that word is none of the candidates, and which it may have been meant to be.
func unknown(what, word string, candidates []string) error {
	if s := suggestion(word, candidates); s != "" {
		return fmt.Errorf("unknown %s %q; did you mean %q?", what, shorten(word), s)
	}
	if len(candidates) == 0 {
		return fmt.Errorf("unknown %s %q", what, shorten(word))
	}
	const most = 40
	list := strings.Join(candidates[:min(len(candidates), most)], ", ")
	if len(candidates) > most {
		list += ", …"
	}
	return fmt.Errorf("unknown %s %q; known are: %s", what, shorten(word), list)
}
