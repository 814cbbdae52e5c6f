package budget

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// Machine is the memory in bytes that this process may use, read from the root
// file system: the smallest of the limits of its control groups (version 1 and
// 2, of the groups around it too) and of the memory of the machine. It is 0 where
// nothing says (not Linux).
func Machine(root fs.FS) int64 {
	least := int64(0)
	note := func(n int64) {
		if n > 0 && (least == 0 || n < least) {
			least = n
		}
	}
	note(memTotal(root))
	for _, file := range groupFiles(root) {
		note(number(root, file))
	}
	return least
}

// memTotal is the memory of the machine by /proc/meminfo.
func memTotal(root fs.FS) int64 {
	b, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(line, "MemTotal:"); ok {
			kb, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64) // 0: unknown
			return kb << 10
		}
	}
	return 0
}

// groupFiles lists the files that may hold limits of this process: of its groups
// and those around them. Inside a container the groups' names may be those of
// the host while the container's own group is mounted as the root.
func groupFiles(root fs.FS) []string {
	const v1, v2 = "memory.limit_in_bytes", "memory.max"
	files := []string{"sys/fs/cgroup/" + v2, "sys/fs/cgroup/memory/" + v1}
	b, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return files
	}
	for s := bufio.NewScanner(bytes.NewReader(b)); s.Scan(); {
		part := strings.SplitN(s.Text(), ":", 3) // hierarchy:controllers:path
		if len(part) != 3 {
			continue
		}
		for dir := strings.Trim(part[2], "/"); dir != "" && dir != "."; dir = path.Dir(dir) {
			switch {
			case part[1] == "":
				files = append(files, path.Join("sys/fs/cgroup", dir, v2), path.Join("sys/fs/cgroup/unified", dir, v2))
			case strings.Contains(","+part[1]+",", ",memory,"):
				files = append(files, path.Join("sys/fs/cgroup/memory", dir, v1))
			}
		}
	}
	return files
}

// number reads a limit, 0 where there is none ("max", or no such file).
func number(root fs.FS, file string) int64 {
	if !fs.ValidPath(file) {
		return 0
	}
	b, err := fs.ReadFile(root, file)
	if err != nil {
		return 0
	}
	n, _ := strconv.ParseInt(strings.TrimSpace(string(b)), 10, 64)
	return n
}
