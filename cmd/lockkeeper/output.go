package main

import (
	"encoding/json"
	"io"
	"os"
	"text/tabwriter"
	"time"
)

// writeJSON writes v for scripts: indented, one document, ended by a newline.
func writeJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// newTable returns a writer that aligns columns separated by tabs. The caller must Flush it.
func newTable(w io.Writer) *tabwriter.Writer {
	return tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
}

// terminal reports whether w is a terminal, or another device that is read by nobody's script.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// printable makes text from a client fit one cell of a table: control characters would move a
// terminal's cursor, tabs and newlines the columns.
func printable(text string) string {
	if text == "" {
		return "-"
	}
	cell := []rune(text)
	for i, r := range cell {
		if r < ' ' || (r >= 0x7f && r < 0xa0) {
			cell[i] = '?'
		}
	}
	if len(cell) > 80 {
		cell = append(cell[:79], '…')
	}
	return string(cell)
}

// ago says how long before now t was, in round figures.
func ago(now, t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	d := max(now.Sub(t), 0)
	switch {
	case d < time.Second:
		return "now"
	case d < time.Hour:
		return d.Truncate(time.Second).String()
	default:
		return d.Truncate(time.Minute).String()
	}
}
