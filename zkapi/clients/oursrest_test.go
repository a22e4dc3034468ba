//go:build linux

package clients

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/lockkeeper/lockkeeper/internal/clustertest"
)

// restDoor is ours by REST. Sessions are those that a request opens for itself. They are long enough
// for a test, or else are kept alive until the holder is killed.
type restDoor struct {
	client   *clustertest.Client
	endpoint string // of a member, for what is no JSON
}

func byREST(_ *testing.T, c *clustertest.Cluster) door {
	return &restDoor{c.Client(clustertest.ClientOptions{}), c.Endpoints()[0]}
}

func (d *restDoor) String() string { return "rest" }

func (d *restDoor) take(ctx context.Context, name string, a ask) (*held, error) {
	body := map[string]any{"ttl": "2m", "request_id": clustertest.RequestID()}
	set := func(field string, value any, said bool) {
		if said {
			body[field] = value
		}
	}
	set("ttl", a.ttl.String(), a.ttl != 0)
	set("mode", a.mode, a.mode != "")
	set("compat", a.compat, a.compat != "")
	set("owner", a.owner, a.owner != "")
	set("value", a.value, a.value != "")
	set("lock_delay", a.delay.String(), a.delay != 0)
	set("permits", a.permits, a.permits != 0)
	set("limit", a.limit, a.limit != 0)
	set("names", a.names(name), a.also != nil)
	wait := time.Duration(0)
	if !a.try {
		wait = 4 * patience
	}
	set("wait", wait.String(), true)

	path, release := "/v1/locks/"+name, "/release"
	acquire := path + "/acquire"
	switch {
	case a.also != nil:
		path = "/v1/multilocks"
		acquire = path + "/acquire"
	case a.permits != 0:
		path = "/v1/semaphores/" + name
		acquire = path + "/acquire"
	case a.value != "":
		path, release = "/v1/elections/"+name, "/resign"
		acquire = path + "/campaign"
	}
	var got struct {
		clustertest.Hold
		Holds []clustertest.Hold `json:"holds"`
	}
	asked := time.Now()
	err := d.client.Do(ctx, http.MethodPost, acquire, body, wait, &got)
	switch code := clustertest.Code(err); {
	case code == "lock_held" || code == "no_permits":
		return nil, errTaken
	case err != nil:
		return nil, err
	case a.also != nil && len(got.Holds) != len(a.also)+1:
		return nil, fmt.Errorf("holds of %v and %v: %+v", name, a.also, got.Holds)
	case a.also != nil:
		got.Hold = got.Holds[0]
	}
	if got.State != "held" {
		return nil, fmt.Errorf("%q is %q", name, got.State)
	}
	h := &held{name: name, token: got.Token}
	if a.ttl != 0 {
		h.kill = clustertest.Adopt(ctx, d.client, got.Session, time.Duration(got.TTL), asked).Silence
	}
	hold := map[string]any{"session": got.Session, "token": got.Token}
	h.release = func(ctx context.Context) error {
		if a.also != nil {
			hold["names"] = a.names(name)
		}
		return d.client.Do(ctx, http.MethodPost, path+release, hold, 0, &struct{}{})
	}
	h.handOver = func(ctx context.Context, candidate int64) error {
		body := map[string]any{"session": got.Session, "token": got.Token, "candidate": candidate}
		return d.client.Do(ctx, http.MethodPost, path+"/handover", body, 0, &struct{}{})
	}
	if a.mode == "write" {
		h.downgrade = func(ctx context.Context) error {
			return d.client.Do(ctx, http.MethodPost, path+"/downgrade", hold, 0, &struct{}{})
		}
	}
	return h, nil
}

func (d *restDoor) force(ctx context.Context, name string) error {
	return d.client.Do(ctx, http.MethodPost, "/v1/locks/"+name+"/release", map[string]any{"force": true, "reason": "test"}, 0, &struct{}{})
}

func (d *restDoor) leader(ctx context.Context, name string) (string, error) {
	var e struct {
		Leader struct {
			Value string `json:"value"`
		} `json:"leader"`
	}
	err := d.client.Do(ctx, http.MethodGet, "/v1/elections/"+name+"?consistency=linearizable", nil, 0, &e)
	return e.Leader.Value, err
}

func (d *restDoor) closeBarrier(ctx context.Context, name string) error {
	return d.client.Do(ctx, http.MethodPut, "/v1/barriers/"+name, nil, 0, &struct{}{})
}

func (d *restDoor) openBarrier(ctx context.Context, name string) error {
	return d.client.Do(ctx, http.MethodDelete, "/v1/barriers/"+name, nil, 0, &struct{}{})
}

func (d *restDoor) waitBarrier(ctx context.Context, name string) error {
	return d.client.Do(ctx, http.MethodPost, "/v1/barriers/"+name+"/wait", map[string]any{"wait": patience.String()}, patience, &struct{}{})
}

func (d *restDoor) enter(ctx context.Context, name string, count int) (func(context.Context) error, error) {
	var p struct {
		ID      string `json:"id"`
		Session string `json:"session"`
	}
	path := "/v1/double-barriers/" + name
	body := map[string]any{"count": count, "wait": patience.String(), "ttl": "2m", "id": clustertest.RequestID()}
	if err := d.client.Do(ctx, http.MethodPost, path+"/enter", body, patience, &p); err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		var left struct {
			Participants int `json:"participants"`
		}
		body := map[string]any{"session": p.Session, "id": p.ID, "wait": patience.String()}
		if err := d.client.Do(ctx, http.MethodPost, path+"/leave", body, patience, &left); err != nil {
			return err
		}
		if left.Participants != 0 {
			return fmt.Errorf("%d participants are still inside", left.Participants)
		}
		return nil
	}, nil
}

// put writes by a plain request: the body is the data itself.
func (d *restDoor) put(ctx context.Context, path, data, lock string, token int64) error {
	query := url.Values{}
	if lock != "" {
		query.Set("lock", lock)
		query.Set("if_token", fmt.Sprint(token))
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPut, d.endpoint+"/v1/data/"+path+"?"+query.Encode(), bytes.NewBufferString(data))
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	switch {
	case err != nil:
		return err
	case resp.StatusCode == http.StatusConflict && bytes.Contains(text, []byte(`"not_holder"`)):
		return errNotHolder
	case resp.StatusCode != http.StatusOK:
		return fmt.Errorf("%s: %s", resp.Status, text)
	}
	return nil
}
