//go:build unix

package output

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// kinds makes one of everything that is no regular file. Without the right to
// make devices, the null device of the system stands for one, behind a link.
func kinds(t *testing.T) (dir string, says map[string]string) {
	t.Helper()
	dir = t.TempDir()
	t.Chdir(dir) // names of sockets are short
	if err := syscall.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	socket, err := net.Listen("unix", "socket")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { socket.Close() })
	for link, to := range map[string]string{"link": "target", "dangling": "nowhere", "folderlink": "folder"} {
		if err := os.Symlink(to, link); err != nil {
			t.Fatal(err)
		}
	}
	put(t, "target", "t", 0o644)
	if err := os.Mkdir("folder", 0o755); err != nil {
		t.Fatal(err)
	}
	says = map[string]string{"pipe": "a pipe", "socket": "a socket", "link": `link to "target"`, "dangling": `link to "nowhere"`,
		"folderlink": `link to "folder"`, "folder": "a folder", "folder/": "a folder", ".": "a folder", "..": "a folder",
		"": "empty name", "-": "standard output", "missing/x": `no folder "missing"`, "target/x": "not a directory", "a\x00b": "NUL"}
	device := func(name string, mode uint32, number int) {
		if unix.Mknod(name, mode|0o600, number) == nil {
			says[name] = "a device"
		} else if os.Symlink(os.DevNull, name) == nil {
			says[name] = "a symbolic link"
		}
	}
	device("null", unix.S_IFCHR, int(unix.Mkdev(1, 3)))
	device("loop", unix.S_IFBLK, int(unix.Mkdev(7, 250)))
	return dir, says
}

// Nothing but a regular file is a target, and the sentence says why.
func TestCheckRefuses(t *testing.T) {
	dir, says := kinds(t)
	before := list(t, dir)
	for path, want := range says {
		err := Check(nil, Target{"-o", path})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("-o %q: %v, want %q", path, err, want)
		}
	}
	if after := list(t, dir); after != before {
		t.Errorf("the folder held %s and holds %s", before, after)
	}
	for _, path := range []string{"target", "new", "folder/new", filepath.Join(dir, "x")} {
		if err := Check(nil, Target{"-o", path}); err != nil {
			t.Error(err)
		}
	}
}

// Nothing but a regular file is opened for reading; links to one are followed.
func TestRegular(t *testing.T) {
	_, says := kinds(t)
	delete(says, "link")
	for path := range says {
		if err := Regular(path); err == nil {
			t.Errorf("%q is taken for a regular file", path)
		}
	}
	for _, path := range []string{"target", "link"} {
		if err := Regular(path); err != nil {
			t.Error(err)
		}
	}
}

// A folder that may not be written is refused, as far as the system refuses it to
// this user, and no right to read it is needed.
func TestFolderPermissions(t *testing.T) {
	dir := t.TempDir()
	for mode, wanted := range map[os.FileMode]bool{0o500: false, 0o300: true, 0o700: true} {
		if err := os.Chmod(dir, mode); err != nil {
			t.Fatal(err)
		}
		err := Check(nil, Target{"-o", filepath.Join(dir, "x")})
		if may := wanted || os.Geteuid() == 0; (err == nil) != may {
			t.Errorf("mode %v: %v", mode, err)
		}
		if err != nil && strings.Contains(err.Error(), "repmlp-") {
			t.Errorf("a temporary name is shown: %v", err)
		}
	}
	os.Chmod(dir, 0o700)
}
