package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// The man pages and the reference of commands and flags are what the commands say of
// themselves; -update writes them.
func TestReferencePages(t *testing.T) {
	a := &app{out: &stdout{to: io.Discard}, err: io.Discard}
	root := a.root()
	root.InitDefaultCompletionCmd()
	root.DisableAutoGenTag = true
	made := map[string][]byte{}
	var visit func(cmd *cobra.Command, name string)
	visit = func(cmd *cobra.Command, name string) {
		cmd.InitDefaultHelpFlag()
		var man, page bytes.Buffer
		header := &doc.GenManHeader{Title: name, Section: "1", Source: "repmlp", Manual: "repmlp", Date: &time.Time{}}
		if err := doc.GenMan(cmd, header, &man); err != nil {
			t.Fatal(err)
		}
		if err := doc.GenMarkdown(cmd, &page); err != nil {
			t.Fatal(err)
		}
		made[filepath.Join("man", name+".1")] = bytes.Replace(man.Bytes(), []byte(`"Jan 0001"`), []byte(`""`), 1) // pages have no date
		made[filepath.Join("reference", name+".md")] = page.Bytes()
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() && !sub.IsAdditionalHelpTopicCommand() {
				visit(sub, name+"_"+sub.Name())
			}
		}
	}
	visit(root, "repmlp")
	for path, want := range made {
		path = filepath.Join("..", "..", "docs", path)
		if *update {
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, want, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		have, err := os.ReadFile(path)
		if err != nil || !bytes.Equal(have, want) {
			t.Errorf("%s is not what the command says of itself (%v); -update writes it", path, err)
		}
	}
	for _, folder := range []string{"man", "reference"} {
		list, err := os.ReadDir(filepath.Join("..", "..", "docs", folder))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if _, ok := made[filepath.Join(folder, e.Name())]; !ok && !slices.Contains([]string{"README.md"}, e.Name()) {
				t.Errorf("docs/%s/%s is of no command", folder, e.Name())
			}
		}
	}
}
