package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// A fileError says that the snapshot's file cannot be written, whichever member is asked.
type fileError struct{ err error }

func (e *fileError) Error() string { return e.err.Error() }
func (e *fileError) Unwrap() error { return e.err }

// errSilentMember ends a download that does not go on.
var errSilentMember = errors.New("the member has sent nothing for --timeout")

// saveFrom writes one member's snapshot beside file, checks it, and then renames it.
func saveFrom(ctx context.Context, c *client, timeout time.Duration, endpoint, path, file string) (*savedSnapshot, error) {
	if _, err := os.Lstat(file); err == nil {
		return nil, &fileError{fmt.Errorf("%s exists already: choose another name", file)}
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := time.AfterFunc(timeout, func() { cancel(errSilentMember) })
	defer silence.Stop()

	req, err := http.NewRequestWithContext(ctx, http.MethodGet, endpoint+path, http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, err)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", endpoint, why(ctx, err))
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
		if err != nil {
			return nil, fmt.Errorf("%s: read the answer: %w", endpoint, why(ctx, err))
		}
		return nil, readProblem(endpoint, resp, body)
	}
	part, err := os.CreateTemp(filepath.Dir(file), "."+filepath.Base(file)+".")
	if err != nil {
		return nil, &fileError{err}
	}
	defer os.Remove(part.Name()) // there is nothing to remove once it is renamed
	defer part.Close()
	sum, n, err := download(part, resp.Body, func() { silence.Reset(timeout) })
	if err != nil {
		if _, ours := errors.AsType[*fs.PathError](err); ours {
			return nil, &fileError{err}
		}
		return nil, fmt.Errorf("%s: %w", endpoint, why(ctx, err))
	}
	if err := errors.Join(part.Sync(), part.Close(), os.Rename(part.Name(), file), syncDir(filepath.Dir(file))); err != nil {
		return nil, &fileError{err}
	}
	return &savedSnapshot{File: file, From: endpoint, Bytes: n, SHA256: hex.EncodeToString(sum)}, nil
}

// download copies a snapshot, whose last bytes must be the SHA-256 of all before, and returns that.
// It calls alive whenever something has come.
func download(to io.Writer, from io.Reader, alive func()) (sum []byte, n int64, err error) {
	hash := sha256.New()
	buf := make([]byte, 256<<10)
	kept := 0 // bytes at the start of buf that may be the checksum's
	for {
		k, err := from.Read(buf[kept:])
		if k > 0 {
			alive()
			if _, err := to.Write(buf[kept : kept+k]); err != nil {
				return nil, n, err
			}
			n += int64(k)
			kept += k
			if past := kept - sha256.Size; past > 0 {
				hash.Write(buf[:past])
				kept = copy(buf, buf[past:kept])
			}
		}
		switch {
		case err == io.EOF && (kept < sha256.Size || string(hash.Sum(nil)) != string(buf[:kept])):
			return nil, n, errors.New("what came does not match its checksum")
		case err == io.EOF:
			return append([]byte(nil), buf[:kept]...), n, nil
		case err != nil:
			return nil, n, err
		}
	}
}

// why is plainly, but for a download that has stopped.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); errors.Is(cause, errSilentMember) {
		return cause
	}
	return plainly(err)
}

// syncDir makes a rename in dir last.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
