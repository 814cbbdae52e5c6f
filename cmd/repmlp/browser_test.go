package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"repmlp/convert"
)

// A browser shows the page at the widths of a screen and of a telephone without
// scrolling sideways, without a word on its console, and finds what is searched for.
// It runs where Chromium is installed; REPMLP_BROWSER names another browser of its
// kind, REPMLP_REQUIRE_BROWSER makes a missing one a failure, REPMLP_SHOTS names a folder for
// screenshots, and REPMLP_PAGE a page that is looked at too, which may have 2 MB.
func TestPageInBrowser(t *testing.T) {
	browser := browserPath()
	if browser == "" {
		if os.Getenv("REPMLP_REQUIRE_BROWSER") != "" {
			t.Fatal("there is no Chromium")
		}
		t.Skip("there is no Chromium: apt install chromium, or REPMLP_BROWSER=PATH")
	}
	if testing.Short() {
		t.Skip("a browser takes seconds")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "convert.html")
	if code, _, errw := repmlp("convert", abs(t, "../../testdata/digits/digits_legacy.onnx"), "-o", filepath.Join(dir, "o.onnx"), "--report", file); code != exitDone {
		t.Fatal(errw)
	}
	hard := many(30)
	for _, evil := range hostile {
		hard.Declined = append(hard.Declined, convert.Decline{Code: "would_grow", Node: evil, Message: evil})
	}
	files := map[string]string{"convert": readDoc(t, file), "many": pageText(t, hard)}
	if path := os.Getenv("REPMLP_PAGE"); path != "" {
		if files["page"] = readDoc(t, path); len(files["page"]) > 2e6 {
			t.Errorf("%s has %d bytes", path, len(files["page"]))
		}
	}
	for name, text := range files {
		for _, width := range []int{1280, 360} {
			saw := browse(t, browser, filepath.Join(dir, fmt.Sprintf("%s%d", name, width)), text, width)
			if saw.Scroll > width {
				t.Errorf("%s at %d: the page is %d wide", name, width, saw.Scroll)
			}
			if saw.Width != width {
				t.Errorf("%s at %d: the browser shows %d", name, width, saw.Width)
			}
			if len(saw.Errors) > 0 {
				t.Errorf("%s at %d: %q", name, width, saw.Errors)
			}
			if saw.Found == 0 || saw.Found >= saw.Rows || saw.Nothing != 0 || saw.Again != saw.Rows {
				t.Errorf("%s at %d: %d of %d rows found, %d of nothing, %d again", name, width, saw.Found, saw.Rows, saw.Nothing, saw.Again)
			}
			if saw.Cards > 1000 {
				t.Errorf("%s at %d: the answers end %d pixels down", name, width, saw.Cards)
			}
		}
	}
}

func browserPath() string {
	for _, name := range []string{os.Getenv("REPMLP_BROWSER"), "chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); name != "" && err == nil {
			return path
		}
	}
	return ""
}

// seenPage is what a browser says of a page.
type seenPage struct {
	Width, Scroll, Cards, Rows, Found, Nothing, Again int
	Errors                                            []string
}

// probe runs in a frame around the page, which may look into it. It searches, opens
// everything, and measures.
const probe = `<!DOCTYPE html><html><body style="margin:0"><iframe id="f" src="page.html" style="width:%dpx;height:2000px;border:0"></iframe><pre id="out"></pre>
<script>
addEventListener("load", function () {
  var w = document.getElementById("f").contentWindow, d = w.document, q = d.getElementById("q");
  var rows = function () { return d.querySelectorAll("[data-s]:not([hidden])").length; };
  var search = function (text) { q.value = text; q.dispatchEvent(new w.Event("input")); return rows(); };
  var cards = d.querySelectorAll(".card"), saw = {Rows: rows(), Cards: Math.round(cards[cards.length - 1].getBoundingClientRect().bottom)};
  saw.Found = search(d.querySelector("[data-s] code").textContent);
  saw.Nothing = search("no such words");
  saw.Again = search("");
  d.getElementById("open").click();
  saw.Width = w.innerWidth;
  saw.Scroll = d.documentElement.scrollWidth;
  document.getElementById("out").textContent = JSON.stringify(saw);
});
</script></body></html>`

// browse opens a page in a browser.
func browse(t *testing.T, browser, dir, text string, width int) (saw seenPage) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for file, text := range map[string]string{"page.html": text, "probe.html": fmt.Sprintf(probe, width)} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	run := func(args ...string) (out, said string) {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		cmd := exec.CommandContext(ctx, browser, append([]string{"--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-extensions", "--hide-scrollbars", "--enable-logging=stderr", "--allow-file-access-from-files",
			"--user-data-dir=" + filepath.Join(dir, "profile"), fmt.Sprintf("--window-size=%d,2000", max(width, 500))}, args...)...)
		var o, e strings.Builder
		cmd.Stdout, cmd.Stderr, cmd.WaitDelay = &o, &e, 5*time.Second
		if err := cmd.Run(); err != nil {
			t.Fatalf("%v: %s", err, e.String())
		}
		return o.String(), e.String()
	}
	page := "file://" + filepath.ToSlash(filepath.Join(dir, "probe.html"))
	dom, said := run("--dump-dom", page)
	_, rest, _ := strings.Cut(dom, `<pre id="out">`)
	found, _, _ := strings.Cut(rest, "</pre>")
	if err := json.Unmarshal([]byte(found), &saw); err != nil {
		t.Fatalf("the probe says %q: %v\n%s", found, err, said)
	}
	saw.Errors = regexp.MustCompile(`.*CONSOLE.*`).FindAllString(said, -1)
	if shots := os.Getenv("REPMLP_SHOTS"); shots != "" {
		run("--screenshot="+filepath.Join(shots, filepath.Base(dir)+".png"), page)
	}
	return saw
}
