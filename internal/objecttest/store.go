package objecttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"

	"github.com/lockkeeper/lockkeeper/sdk"
	"github.com/lockkeeper/lockkeeper/sdk/fence"
)

// A Store is a [fence.ObjectStore] in front of a Server, as one in front of a vendor's SDK would be.
// It is safe for concurrent use.
type Store struct {
	URL  string // of the server, without the slash at its end
	HTTP *http.Client
}

// Get is that of [fence.ObjectStore].
func (s Store) Get(ctx context.Context, key string) (fence.Object, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/"+key, nil)
	if err != nil {
		return fence.Object{}, err
	}
	resp, err := s.HTTP.Do(r)
	if err != nil {
		return fence.Object{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return fence.Object{}, err
	case resp.StatusCode == http.StatusNotFound:
		return fence.Object{}, fence.ErrNoObject
	case resp.StatusCode != http.StatusOK:
		return fence.Object{}, fmt.Errorf("get %s: %s: %s", key, resp.Status, body)
	}
	o := fence.Object{Body: body, ETag: resp.Header.Get("ETag")}
	if text := resp.Header.Get(MetaToken); text != "" {
		if o.Token, err = fence.ParseToken(text); err != nil {
			return fence.Object{}, err
		}
	}
	return o, nil
}

// Put is that of [fence.ObjectStore].
func (s Store) Put(ctx context.Context, key string, o fence.Object) error {
	header := http.Header{}
	if o.ETag == "" {
		header.Set("If-None-Match", "*")
	} else {
		header.Set("If-Match", o.ETag)
	}
	return s.send(ctx, key, o.Body, o.Token, header)
}

// Overwrite writes without a condition: what a program does that knows of no fence.
func (s Store) Overwrite(ctx context.Context, key string, body []byte) error {
	return s.send(ctx, key, body, 0, http.Header{})
}

func (s Store) send(ctx context.Context, key string, body []byte, token sdk.Token, header http.Header) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPut, s.URL+"/"+key, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header = header
	if token != 0 {
		r.Header.Set(MetaToken, strconv.FormatInt(int64(token), 10))
	}
	resp, err := s.HTTP.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody))
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusPreconditionFailed:
		return fence.ErrPrecondition
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("put %s: %s: %s", key, resp.Status, text)
	}
	return nil
}
