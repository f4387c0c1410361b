package exporter

import (
	"cmp"
	"slices"
	"strings"
)

// maxNearest is how many names an error proposes.
const maxNearest = 3

// nearest returns those of the names that somebody who wrote word may have meant, the likeliest first: they have it
// within, or differ from it in a third of its letters at the most.
func nearest(word string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var candidates []candidate
	lower := strings.ToLower(word)
	for _, name := range names {
		d, n := len(word)/3+1, strings.ToLower(name)
		switch {
		case n == lower:
			d = 0
		case lower != "" && strings.Contains(n, lower):
			d = 1
		case len(n)-len(lower) < d && len(lower)-len(n) < d:
			d = distance(lower, n)
		}
		if d <= len(word)/3 || d <= 1 {
			candidates = append(candidates, candidate{name, d})
		}
	}
	slices.SortStableFunc(candidates, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var list []string
	for _, c := range candidates[:min(maxNearest, len(candidates))] {
		list = append(list, c.name)
	}
	return list
}

// distance is Levenshtein's: how many letters must be put in, taken out or changed.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
