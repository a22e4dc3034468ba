package quorum

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// newZap returns a zap logger that writes to log and, instead of ending the process on a
// fatal entry, settles f and ends the goroutine that logged it: etcd logs one when it cannot
// write its log any more, and only main may exit.
func newZap(log *slog.Logger, f *fate) *zap.Logger {
	core := &zapCore{handler: log.With("component", "etcd").Handler(), fate: f}
	return zap.New(core, zap.WithFatalHook(fatalHook{f}))
}

// A fatalHook is what zap calls after a fatal entry is written.
type fatalHook struct{ fate *fate }

func (h fatalHook) OnWrite(entry *zapcore.CheckedEntry, fields []zapcore.Field) {
	err := fmt.Errorf("etcd: %s", entry.Message)
	for _, f := range fields {
		if cause, ok := f.Interface.(error); ok && f.Type == zapcore.ErrorType {
			err = fmt.Errorf("etcd: %s: %w", entry.Message, cause)
		}
	}
	h.fate.settle(err)
	runtime.Goexit()
}

// expected are warnings and errors of etcd's that our settings, or every close, bring about;
// of a warning in a close of ours nobody need hear. What matters among them reaches the log as
// the member's end.
var expected = map[string]bool{
	"exceeded recommended request limit":              true,
	"simple token is not cryptographically signed":    true,
	"server has stopped; skipping GoAttach":           true,
	"setting up serving from embedded etcd failed.":   true,
	"stopping insecure grpc server due to error":      true,
	"stopped insecure grpc server due to error":       true,
	"stopping secure grpc server due to error":        true,
	"stopped secure grpc server due to error":         true,
	"Failed to detect schema version":                 true, // of a new database; tried again
	"failed to update storage version":                true,
	"rejecting promote learner: learner is not ready": true,
}

// A zapCore hands zap's entries to a slog handler.
type zapCore struct {
	handler slog.Handler
	fate    *fate
}

// removedMessage is the only word of etcd's, where it learns from a peer and not from its log,
// that the cluster has removed this member.
const removedMessage = "data-dir used by this member must be removed"

// level maps etcd's levels to ours. Its Info is about its own life, of which operators need
// little: it becomes Debug.
func level(l zapcore.Level) slog.Level {
	switch {
	case l < zapcore.InfoLevel:
		return slog.LevelDebug - 4
	case l == zapcore.InfoLevel:
		return slog.LevelDebug
	case l == zapcore.WarnLevel:
		return slog.LevelWarn
	default:
		return slog.LevelError
	}
}

// Enabled lets all warnings come to Check, for removedMessage.
func (c *zapCore) Enabled(l zapcore.Level) bool {
	return l >= zapcore.WarnLevel || c.enabled(l)
}

func (c *zapCore) enabled(l zapcore.Level) bool {
	return c.handler.Enabled(context.Background(), level(l))
}

func (c *zapCore) With(fields []zapcore.Field) zapcore.Core {
	return &zapCore{handler: c.handler.WithAttrs(attrs(fields)), fate: c.fate}
}

func (c *zapCore) Check(e zapcore.Entry, ce *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if e.Message == removedMessage {
		c.fate.removed.Store(true)
	}
	closing := e.Level == zapcore.WarnLevel && c.fate.closing.Load()
	if closing || expected[e.Message] && e.Level < zapcore.PanicLevel {
		e.Level = zapcore.InfoLevel
	}
	if c.enabled(e.Level) {
		return ce.AddCore(e, c)
	}
	return ce
}

func (c *zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, level(e.Level), e.Message, e.Caller.PC)
	r.AddAttrs(attrs(fields)...)
	return c.handler.Handle(context.Background(), r)
}

func (c *zapCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) []slog.Attr {
	list := make([]slog.Attr, 0, len(fields))
	for _, f := range fields {
		switch f.Type {
		case zapcore.StringType:
			list = append(list, slog.String(f.Key, f.String))
		case zapcore.BoolType:
			list = append(list, slog.Bool(f.Key, f.Integer == 1))
		case zapcore.Int64Type, zapcore.Int32Type, zapcore.Int16Type, zapcore.Int8Type:
			list = append(list, slog.Int64(f.Key, f.Integer))
		case zapcore.Uint64Type, zapcore.Uint32Type, zapcore.Uint16Type, zapcore.Uint8Type:
			list = append(list, slog.Uint64(f.Key, uint64(f.Integer)))
		case zapcore.DurationType:
			list = append(list, slog.Duration(f.Key, time.Duration(f.Integer)))
		case zapcore.ErrorType:
			list = append(list, slog.Any(errKey(f.Key), f.Interface))
		case zapcore.SkipType:
		default:
			m := zapcore.NewMapObjectEncoder()
			f.AddTo(m)
			for k, v := range m.Fields {
				list = append(list, slog.Any(k, v))
			}
		}
	}
	return list
}

// errKey is our name for zap's key of an error.
func errKey(key string) string {
	if key == "error" {
		return "err"
	}
	return key
}
