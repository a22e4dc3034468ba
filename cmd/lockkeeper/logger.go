package main

import (
	"fmt"
	"io"
	"log/slog"
	"time"

	"github.com/lmittmann/tint"
)

// newHandler returns the log's handler. With color, lines are made for people to read.
func newHandler(w io.Writer, color bool, format, level string) (slog.Handler, error) {
	var min slog.Level
	if err := min.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("--log-level: %q is not a level; use debug, info, warn or error", level)
	}
	switch {
	case format == "json":
		return slog.NewJSONHandler(w, &slog.HandlerOptions{Level: min}), nil
	case format != "text":
		return nil, fmt.Errorf("--log-format: %q is not a format; use text or json", format)
	case color:
		return tint.NewTextHandler(w, &tint.Options{Level: min, TimeFormat: time.TimeOnly}), nil
	default:
		return slog.NewTextHandler(w, &slog.HandlerOptions{Level: min}), nil
	}
}
