package memorycheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

const (
	maxFile   = 1 << 20 // bytes read of any file; the kernel's are a few KiB, but for that of the mounts
	maxLevels = 64      // of control groups looked at, from the innermost on
)

// system returns the memory of the machine.
func system(root fs.FS) (usage, error) {
	text, err := readFile(root, "proc/meminfo")
	if err != nil {
		return usage{}, err
	}
	total, ok1, err1 := numberOf(text, "MemTotal:")
	available, ok2, err2 := numberOf(text, "MemAvailable:")
	if err := errors.Join(err1, err2); err != nil {
		return usage{}, fmt.Errorf("/proc/meminfo: %w", err)
	}
	if !ok1 || !ok2 {
		return usage{}, errors.New("/proc/meminfo: no MemTotal or no MemAvailable (Linux 3.14 and later have both)")
	}
	const unit = 1024 // what the file calls kB
	return usage{total: total * unit, available: min(available, total) * unit, where: "machine"}, nil
}

// numberOf returns the number that follows name at the beginning of a line of text, or false if there is no such line.
func numberOf(text []byte, name string) (float64, bool, error) {
	for line := range bytes.Lines(text) {
		words := bytes.Fields(line)
		if len(words) >= 2 && string(words[0]) == name {
			n, err := number(words[1])
			if err != nil {
				return 0, true, fmt.Errorf("%s %w", name, err)
			}
			return n, true, nil
		}
	}
	return 0, false, nil
}

// number parses a decimal number of bytes, pages or kilobytes.
func number(text []byte) (float64, error) {
	text = bytes.TrimSpace(text)
	n, err := strconv.ParseUint(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%.40q is not a number", text)
	}
	return float64(n), nil
}

// readFile reads a file of the kernel's, or its beginning if it is absurdly long.
func readFile(root fs.FS, name string) ([]byte, error) {
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.LimitReader(f, maxFile))
}
