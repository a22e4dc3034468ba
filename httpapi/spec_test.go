package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/lockkeeper/lockkeeper/election"
	"github.com/lockkeeper/lockkeeper/httpapi/wire"
)

// spec is the description as kin-openapi understands it.
var spec = sync.OnceValues(func() (*openapi3.T, error) {
	text := func(body io.Reader, _ http.Header, _ *openapi3.SchemaRef, _ openapi3filter.EncodingFn) (any, error) {
		b, err := io.ReadAll(body)
		return string(b), err
	}
	openapi3filter.RegisterBodyDecoder("text/event-stream", text)
	doc, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		return nil, err
	}
	return doc, nil
})

func TestSpecIsValid(t *testing.T) {
	doc, err := spec()
	if err != nil {
		t.Fatalf("load: %v", err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Fatalf("Validate: %v", err)
	}
}

func TestSpecHasEveryRoute(t *testing.T) {
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	var ours, theirs []string
	for _, r := range routes() {
		ours = append(ours, r.method+" "+r.pattern)
	}
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			theirs = append(theirs, method+" "+path)
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	if !slices.Equal(ours, theirs) {
		t.Errorf("routes: %q\ndescribed: %q", ours, theirs)
	}
}

func TestSpecHasEveryCode(t *testing.T) {
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for _, v := range doc.Components.Schemas["Problem"].Value.Properties["code"].Value.Enum {
		described = append(described, v.(string))
	}
	known := []string{"too_many_connections"}
	for _, p := range problems {
		known = append(known, p.code)
	}
	slices.Sort(described)
	slices.Sort(known)
	if known = slices.Compact(known); !slices.Equal(described, known) {
		t.Errorf("described codes %q\nknown codes %q", described, known)
	}
}

// operation returns what the description says of a request; its own routing, so that ours is
// tested against it.
func operation(t testing.TB, method, path string) (*routers.Route, map[string]string) {
	t.Helper()
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	// The longest pattern that fits: what is done to a lock stands behind its name.
	patterns := slices.SortedFunc(maps.Keys(doc.Paths.Map()), func(a, b string) int { return len(b) - len(a) })
	for _, pattern := range patterns {
		item := doc.Paths.Map()[pattern]
		op := item.GetOperation(method)
		if op == nil {
			continue
		}
		params := regexp.MustCompile(`\{(\w+)\}`).FindStringSubmatch(pattern)
		match := "^" + strings.NewReplacer("{name}", "(.*)", "{ticket}", "(.*)", "{id}", "([^/]+)", ".", `\.`).Replace(pattern) + "$"
		found := regexp.MustCompile(match).FindStringSubmatch(path)
		if found == nil {
			continue
		}
		r := &routers.Route{Spec: doc, Path: pattern, PathItem: item, Method: method, Operation: op}
		if params == nil {
			return r, nil
		}
		return r, map[string]string{params[1]: found[1]}
	}
	return nil, nil
}

// ask sends one request to a, and checks it and its answer against the description. The
// request itself is checked where it was understood.
func ask(t testing.TB, a *API, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	req := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body == "" {
		req.Body = http.NoBody
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	rec := httptest.NewRecorder()
	a.Handler().ServeHTTP(rec, req)
	checkAnswer(t, req, body, rec.Code, rec.Header(), rec.Body.Bytes())
	return rec
}

func checkAnswer(t testing.TB, req *http.Request, body string, status int, header http.Header, answer []byte) {
	t.Helper()
	route, params := operation(t, req.Method, req.URL.Path)
	if route == nil {
		checkStray(t, status, header, answer)
		return
	}
	again := req.Clone(t.Context())
	if body != "" {
		again.Body = io.NopCloser(strings.NewReader(body))
		again.ContentLength = int64(len(body))
		if route.Operation.RequestBody.Value.Content.Get("application/json") != nil {
			again.Header.Set("Content-Type", "application/json")
		}
	}
	in := &openapi3filter.RequestValidationInput{
		Request: again, PathParams: params, Route: route,
		Options: &openapi3filter.Options{IncludeResponseStatus: true},
	}
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusRequestTimeout:
	default:
		if err := openapi3filter.ValidateRequest(t.Context(), in); err != nil {
			t.Errorf("%s %s %s was answered with %d and is not described: %v", req.Method, req.URL, body, status, err)
		}
	}
	if route.Operation.Responses.Status(status) == nil {
		t.Errorf("%s %s: status %d is not described", req.Method, req.URL, status)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: status, Header: header, Options: in.Options}
	out.SetBodyBytes(answer)
	if err := openapi3filter.ValidateResponse(t.Context(), out); err != nil {
		t.Errorf("%s %s: answer %d %s is not described: %v", req.Method, req.URL, status, answer, err)
	}
}

// checkStray checks the answer to a request that no route is for.
func checkStray(t testing.TB, status int, header http.Header, answer []byte) {
	t.Helper()
	if status != http.StatusNotFound && status != http.StatusMethodNotAllowed {
		t.Errorf("status = %d; want 404 or 405 where nothing is described", status)
	}
	if got := header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("Content-Type = %q; want a problem", got)
	}
	var value any
	if err := json.Unmarshal(answer, &value); err != nil {
		t.Errorf("answer %s: %v", answer, err)
	}
	doc, _ := spec()
	if err := doc.Components.Schemas["Problem"].Value.VisitJSON(value, openapi3.EnableJSONSchema2020()); err != nil {
		t.Errorf("answer %s is no problem: %v", answer, err)
	}
}

// decoded returns an answer's JSON.
func decoded(t testing.TB, rec *httptest.ResponseRecorder) map[string]any {
	t.Helper()
	var m map[string]any
	d := json.NewDecoder(bytes.NewReader(rec.Body.Bytes()))
	if err := d.Decode(&m); err != nil {
		t.Fatalf("answer %s: %v", rec.Body, err)
	}
	return m
}

// wantProblem checks the status and the code of an answer.
func wantProblem(t testing.TB, rec *httptest.ResponseRecorder, status int, code string) map[string]any {
	t.Helper()
	if rec.Code != status {
		t.Fatalf("status = %d %s; want %d", rec.Code, rec.Body, status)
	}
	m := decoded(t, rec)
	if m["code"] != code || m["status"] != float64(status) || fmt.Sprint(m["type"]) != problemURN+code {
		t.Errorf("problem = %v; want code %q, status %d and its type", m, code, status)
	}
	return m
}

// unasked are elections that only requests which are refused come to.
type unasked struct{ Elections }

func (unasked) Follow(election.Follower) {}

// What a request may say, in its body and in its query, is what the description says. Asked for
// something that is not there, an answer names what is.
func TestSpecHasEveryField(t *testing.T) {
	doc, err := spec()
	if err != nil {
		t.Fatal(err)
	}
	b := newBench()
	b.Elections = unasked{}
	a := b.start(t)
	known := func(method, path, body string) []string {
		rec := httptest.NewRecorder()
		a.Handler().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body)))
		fix, _ := decoded(t, rec)["fix"].(string)
		_, list, _ := strings.Cut(fix, " are ")
		if list == "none" || list == "" {
			return nil
		}
		return slices.Sorted(slices.Values(strings.Split(list, ", ")))
	}
	for path, item := range doc.Paths.Map() {
		for method, op := range item.Operations() {
			if !strings.HasPrefix(path, "/v1/") || path == wire.Path {
				continue
			}
			target := strings.NewReplacer("{name}", "a", "{ticket}", "t", "{id}", "0000000000000007").Replace(path)
			var query, body []string
			for _, p := range op.Parameters {
				if p.Value.In == openapi3.ParameterInQuery {
					query = append(query, p.Value.Name)
				}
			}
			slices.Sort(query)
			if got := known(method, target+"?nothing=1", ""); !slices.Equal(got, query) {
				t.Errorf("%s %s takes the parameters %q; described are %q", method, path, got, query)
			}
			if op.RequestBody == nil || op.RequestBody.Value.Content.Get("application/json") == nil {
				continue
			}
			body = slices.Sorted(maps.Keys(op.RequestBody.Value.Content.Get("application/json").Schema.Value.Properties))
			if got := known(method, target, `{"nothing":1}`); !slices.Equal(got, body) {
				t.Errorf("%s %s takes the fields %q; described are %q", method, path, got, body)
			}
		}
	}
}
