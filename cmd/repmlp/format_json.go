package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"repmlp/convert"
)

// jsonFormat is for scripts.
var jsonFormat = format{
	extension: "json", media: "application/json",
	report: func(w io.Writer, r *convert.Report) error { return printJSON(w, r) },
	bench:  func(w io.Writer, r *benchReport) error { return printJSON(w, r) },
}

// printJSON prints a report. All that escape would escape in text is escaped
// here as JSON does it, so that showing the report does no harm either.
func printJSON(w io.Writer, r any) error {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetIndent("", "  ")
	if err := e.Encode(r); err != nil {
		return err
	}
	_, err := w.Write(plainJSON(b.Bytes()))
	return err
}

// plainJSON escapes characters that are not seen. Outside of strings JSON has
// none but spaces and line breaks.
func plainJSON(b []byte) []byte {
	out := make([]byte, 0, len(b))
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		switch {
		case r == '\n' || seen(r):
			out = append(out, b[:size]...)
		case r < 0x10000:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			high, low := utf16.EncodeRune(r)
			out = fmt.Appendf(out, `\u%04x\u%04x`, high, low)
		}
		b = b[size:]
	}
	return out
}
