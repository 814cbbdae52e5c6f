// Command site makes the documentation a site: pages of HTML that link to each other
// alone, and need neither a network nor a server.
//
//	go run ./internal/cmd/site -out site
//
// A link to a page, heading, file or picture that is not there is an error, and so is a
// page that the menu lacks.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	out := flag.String("out", "site", "folder that is made; one that an earlier run made is replaced")
	root := flag.String("root", ".", "folder of the project")
	flag.Parse()
	if flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	files, err := build(os.DirFS(*root), menu)
	if err == nil {
		err = write(*out, files)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "site: error:", err)
		os.Exit(1)
	}
	fmt.Printf("wrote %d files: open %s/index.html\n", len(files), *out)
}
