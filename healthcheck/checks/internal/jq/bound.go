package jq

import (
	"encoding/json"
	"regexp"
)

// Bounds on what takes time with the square of its length, and does not end with the run: to read the digits of a number,
// and to find all that matches in a text, of which package gojq counts the characters again for each match.
const (
	maxDigits   = 1000     // of a number in a document
	maxSearched = 16 << 10 // bytes of a text in a document that a query searches in, or reads as a number
)

// searching matches queries that may call what is bounded by maxSearched. Some others match too, and are bounded for nothing.
var searching = regexp.MustCompile(`\b(match|capture|scan|splits?|g?sub|tonumber)\b`)

// hasDigits reports whether n characters of numbers follow each other anywhere in a document, be it in a text.
func hasDigits(document []byte, n int) bool {
	run := 0
	for _, c := range document {
		switch {
		case c >= '0' && c <= '9', c == '.', c == 'e', c == 'E', c == '+', c == '-':
			if run++; run == n {
				return true
			}
		default:
			run = 0
		}
	}
	return false
}

func longestNumber(v any) int {
	return longest(v, func(v any) int {
		n, _ := v.(json.Number)
		return len(n)
	})
}

func longestText(v any) int {
	return longest(v, func(v any) int {
		s, _ := v.(string)
		return len(s)
	})
}

// longest returns the most that length is of anything in a document. The depth of one is bounded by package json.
func longest(v any, length func(any) int) int {
	most := length(v)
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			most = max(most, longest(item, length))
		}
	case map[string]any:
		for _, item := range v {
			most = max(most, longest(item, length))
		}
	}
	return most
}
