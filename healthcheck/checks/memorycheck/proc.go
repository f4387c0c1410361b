package memorycheck

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

const (
	maxFile   = 64 << 10 // bytes read of any file; the kernel's are a few KiB
	maxLevels = 64       // of control groups looked at, from the innermost on
)

// system returns the memory of the machine.
func system(root fs.FS) (usage, error) {
	text, err := readFile(root, "proc/meminfo")
	if err != nil {
		return usage{}, err
	}
	total, ok1, err1 := field(text, "MemTotal:")
	available, ok2, err2 := field(text, "MemAvailable:")
	if err := errors.Join(err1, err2); err != nil {
		return usage{}, fmt.Errorf("/proc/meminfo: %w", err)
	}
	if !ok1 || !ok2 {
		return usage{}, errors.New("/proc/meminfo: no MemTotal or no MemAvailable (Linux 3.14 and later have both)")
	}
	const unit = 1024 // what the file calls kB
	return usage{total: total * unit, available: min(available, total) * unit, where: "machine"}, nil
}

// cgroups returns the memory of every control group that has a limit, from the program's own upwards. A system without
// control groups of version 2, or that does not let us see them, has none.
func cgroups(root fs.FS) ([]usage, error) {
	text, err := readFile(root, "proc/self/cgroup")
	if err != nil {
		return nil, nil //nolint:nilerr // no control groups, no limit
	}
	group, ok := ownGroup(string(text))
	if !ok {
		return nil, nil
	}
	var limited []usage
	for range maxLevels {
		u, ok, err := cgroup(root, path.Join("sys/fs/cgroup", group))
		if err != nil {
			return nil, fmt.Errorf("control group %s: %w", group, err)
		}
		if ok {
			u.where = "control group " + group
			limited = append(limited, u)
		}
		if group == "/" {
			break
		}
		group = path.Dir(group)
	}
	return limited, nil
}

// ownGroup finds the path of the program's control group in the text of /proc/self/cgroup. A group outside of what the
// program's namespace shows, written as "/../other", is taken for the namespace's root: what we can see of it.
func ownGroup(text string) (string, bool) {
	for line := range strings.Lines(text) {
		group, ok := strings.CutPrefix(strings.TrimSuffix(line, "\n"), "0::/")
		if !ok {
			continue
		}
		group = "/" + strings.TrimSuffix(group, " (deleted)")
		if strings.Contains(group+"/", "/../") {
			return "/", true
		}
		return path.Clean(group), true
	}
	return "", false
}

// cgroup returns the memory of the control group in dir, or false if that has no limit.
func cgroup(root fs.FS, dir string) (usage, bool, error) {
	text, err := readFile(root, path.Join(dir, "memory.max"))
	if err != nil || string(bytes.TrimSpace(text)) == "max" {
		return usage{}, false, nil //nolint:nilerr // the root has no such file, nor has a group without the controller
	}
	limit, err := number(text)
	if err != nil {
		return usage{}, false, fmt.Errorf("memory.max: %w", err)
	}
	text, err = readFile(root, path.Join(dir, "memory.current"))
	if err != nil {
		return usage{}, false, err
	}
	current, err := number(text)
	if err != nil {
		return usage{}, false, fmt.Errorf("memory.current: %w", err)
	}
	text, err = readFile(root, path.Join(dir, "memory.stat"))
	if err != nil {
		return usage{}, false, err
	}
	var reclaimable float64
	for _, name := range []string{"active_file", "inactive_file", "slab_reclaimable"} {
		n, _, err := field(text, name) // not every kernel has every line
		if err != nil {
			return usage{}, false, fmt.Errorf("memory.stat: %w", err)
		}
		reclaimable += n
	}
	inUse := max(current-reclaimable, 0)
	return usage{total: limit, available: max(limit-inUse, 0)}, true, nil
}

// field returns the number that follows name at the beginning of a line of text, or false if there is no such line.
func field(text []byte, name string) (float64, bool, error) {
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
