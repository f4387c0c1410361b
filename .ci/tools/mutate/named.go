package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// readNamed reads mutations that somebody wrote by hand. Each is a block, after an empty line:
//
//	# what it is
//	file healthcheck/schedule.go
//	- the old text, as lines
//	+ the new text, as lines; none drops the old
//
// Blanks at the beginnings and ends of lines do not count. The old text must be there exactly once: a program that has
// changed needs its mutations looked at again, so it is a mistake when one is not.
func readNamed(root, path string) (found []mutation, mistakes []string, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	for block := range strings.SplitSeq(string(data), "\n\n") {
		what, file := "", ""
		var old, with []string
		for line := range strings.Lines(block) {
			line = strings.TrimSpace(line)
			switch {
			case strings.HasPrefix(line, "#"):
				what = strings.TrimSpace(line[1:])
			case strings.HasPrefix(line, "file "):
				file = line[len("file "):]
			case strings.HasPrefix(line, "-"):
				old = append(old, strings.TrimSpace(line[1:]))
			case strings.HasPrefix(line, "+"):
				with = append(with, strings.TrimSpace(line[1:]))
			}
		}
		if file == "" {
			continue
		}
		source, err := os.ReadFile(filepath.Join(root, file))
		if err != nil {
			mistakes = append(mistakes, fmt.Sprintf("%s: %s", what, err))
			continue
		}
		m, n := locate(source, old)
		if n != 1 {
			mistakes = append(mistakes, fmt.Sprintf("%s: %s has the old text %d times, want once", what, file, n))
			continue
		}
		m.file, m.operator, m.text = file, "by hand: "+what, strings.Join(with, "\n")
		found = append(found, m)
	}
	return found, mistakes, nil
}

// locate returns where source has the lines, and how often.
func locate(source []byte, lines []string) (m mutation, times int) {
	have := bytes.SplitAfter(source, []byte("\n"))
	at := 0
	for i, line := range have {
		if i+len(lines) <= len(have) && len(lines) > 0 && same(have[i:i+len(lines)], lines) {
			times++
			m.line, m.start, m.end = i+1, at, at+len(bytes.Join(have[i:i+len(lines)], nil))-1 // without the last end of line
		}
		at += len(line)
	}
	return m, times
}

func same(have [][]byte, want []string) bool {
	for i := range want {
		if string(bytes.TrimSpace(have[i])) != want[i] {
			return false
		}
	}
	return true
}
