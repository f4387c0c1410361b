package memorycheck

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// version says where a version of control groups has its numbers.
type version struct {
	limit, usage string   // files of a group
	caches       []string // lines of its memory.stat for what the kernel takes back when it needs memory
}

var (
	version1 = version{"memory.limit_in_bytes", "memory.usage_in_bytes", []string{"total_active_file", "total_inactive_file"}}
	version2 = version{"memory.max", "memory.current", []string{"active_file", "inactive_file", "slab_reclaimable"}}
)

const (
	mountPoint  = "/sys/fs/cgroup"
	mountPoint1 = mountPoint + "/memory" // of the controller, where nothing else is known

	unlimited = 1 << 60 // bytes; version 1 writes no limit as the largest number of whole pages
)

// cgroups returns the memory of every control group that has a limit, from the program's own upwards, and the group
// that the program is in but that it cannot see, if there is one. A system without control groups has none.
func cgroups(root fs.FS) (limited []usage, unseen string, err error) {
	text, err := readFile(root, "proc/self/cgroup")
	if err != nil {
		return nil, "", nil //nolint:nilerr // no control groups, no limit
	}
	group2, ok := ownGroup(string(text), "")
	if ok {
		if limited, err = version2.hierarchy(root, mountPoint, group2); err != nil {
			return nil, "", err
		}
	}
	group, ok1 := ownGroup(string(text), "memory")
	if !ok1 {
		if _, err := fs.Stat(root, mountPoint[1:]+"/cgroup.controllers"); ok && len(limited) == 0 && err != nil {
			unseen = group2
		}
		return limited, unseen, nil
	}
	dir, below := memoryMount(root, group)
	if _, err := readFile(root, path.Join(dir[1:], below, version1.limit)); err != nil {
		return limited, group, nil //nolint:nilerr // the caller tells
	}
	more, err := version1.hierarchy(root, dir, below)
	return append(limited, more...), "", err
}

// ownGroup finds the path of the program's control group in the text of /proc/self/cgroup, with lines of the form
// number:controllers:path; the line of version 2 has number 0 and no controllers. A group outside of what the program's
// namespace shows, written as "/../other", is taken for the namespace's root: what we can see of it.
func ownGroup(text, controller string) (string, bool) {
	for line := range strings.Lines(text) {
		number, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ":")
		controllers, group, _ := strings.Cut(rest, ":")
		if !slices.Contains(strings.Split(controllers, ","), controller) || (controller == "") != (number == "0") ||
			!strings.HasPrefix(group, "/") {
			continue
		}
		group = strings.TrimSuffix(group, " (deleted)")
		if strings.Contains(group+"/", "/../") {
			return "/", true
		}
		return path.Clean(group), true
	}
	return "", false
}

// memoryMount returns where the memory controller of version 1 is mounted, and the path of the group below that. In a
// container the mount shows a part of the hierarchy: that of the container, whose path from outside is the group's.
func memoryMount(root fs.FS, group string) (dir, below string) {
	text, err := readFile(root, "proc/self/mountinfo") // see proc_pid_mountinfo(5)
	if err != nil {
		return mountPoint1, group
	}
	for line := range strings.Lines(string(text)) {
		mount, super, _ := strings.Cut(line, " - ")
		fields, kind := strings.Fields(mount), strings.Fields(super)
		if len(fields) < 5 || len(kind) < 3 || kind[0] != "cgroup" || !slices.Contains(strings.Split(kind[2], ","), "memory") {
			continue
		}
		top, dir := path.Clean(fields[3]), path.Clean(fields[4])
		if !strings.HasPrefix(dir, "/") {
			continue
		}
		if below, ok := strings.CutPrefix(group+"/", strings.TrimSuffix(top, "/")+"/"); ok {
			return dir, path.Clean("/" + below)
		}
		return dir, "/" // the part that we can see
	}
	return mountPoint1, group
}

// hierarchy returns the memory of the groups with a limit from group upwards, in what is mounted at dir.
func (v *version) hierarchy(root fs.FS, dir, group string) ([]usage, error) {
	var limited []usage
	for range maxLevels {
		u, ok, err := v.read(root, path.Join(dir[1:], group))
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

// read returns the memory of the control group in dir, or false if that has no limit.
func (v *version) read(root fs.FS, dir string) (usage, bool, error) {
	text, err := readFile(root, path.Join(dir, v.limit))
	if err != nil || string(bytes.TrimSpace(text)) == "max" {
		return usage{}, false, nil //nolint:nilerr // the root has no such file, nor has a group without the controller
	}
	limit, err := number(text)
	if err != nil {
		return usage{}, false, fmt.Errorf("%s: %w", v.limit, err)
	}
	if limit >= unlimited {
		return usage{}, false, nil
	}
	text, err = readFile(root, path.Join(dir, v.usage))
	if err != nil {
		return usage{}, false, err
	}
	current, err := number(text)
	if err != nil {
		return usage{}, false, fmt.Errorf("%s: %w", v.usage, err)
	}
	text, err = readFile(root, path.Join(dir, "memory.stat"))
	if err != nil {
		return usage{}, false, err
	}
	var reclaimable float64
	for _, name := range v.caches {
		n, _, err := numberOf(text, name) // not every kernel has every line
		if err != nil {
			return usage{}, false, fmt.Errorf("memory.stat: %w", err)
		}
		reclaimable += n
	}
	inUse := max(current-reclaimable, 0)
	return usage{total: limit, available: max(limit-inUse, 0)}, true, nil
}
