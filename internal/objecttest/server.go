// Package objecttest has an object store for tests: a small HTTP server with conditional writes, as
// S3, GCS and Azure have them, and what lets package sdk/fence use it.
package objecttest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// MetaToken is the header with an object's fencing token: what the user keeps beside the body.
const MetaToken = "X-Object-Meta-Lockkeeper-Token"

// maxBody is how many bytes an object may have.
const maxBody = 1 << 20

// A Server keeps objects in memory. GET answers the body with its ETag and metadata; PUT takes
// If-Match and If-None-Match: * and answers 412 where they are not met. The zero value is empty and
// ready. Its methods are safe for concurrent use.
type Server struct {
	mu      sync.Mutex
	objects map[string]version
	count   int
}

// A version is one state of an object.
type version struct {
	body        []byte
	token, etag string
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.Method {
	case http.MethodGet:
		s.get(w, r)
	case http.MethodPut:
		s.put(w, r)
	default:
		http.Error(w, "GET and PUT are there", http.StatusMethodNotAllowed)
	}
}

func (s *Server) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	v, ok := s.objects[r.URL.Path]
	s.mu.Unlock()
	if !ok {
		http.Error(w, "no such object", http.StatusNotFound)
		return
	}
	w.Header().Set("ETag", v.etag)
	w.Header().Set(MetaToken, v.token)
	_, _ = w.Write(v.body)
}

func (s *Server) put(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, exists := s.objects[r.URL.Path]
	match, none := r.Header.Get("If-Match"), r.Header.Get("If-None-Match")
	if match != "" && (!exists || match != old.etag) || none == "*" && exists {
		http.Error(w, "at least one of the preconditions did not hold", http.StatusPreconditionFailed)
		return
	}
	if s.objects == nil {
		s.objects = map[string]version{}
	}
	s.count++
	v := version{body: bytes.Clone(body), token: r.Header.Get(MetaToken), etag: fmt.Sprintf("%q", strconv.Itoa(s.count))}
	s.objects[r.URL.Path] = v
	w.Header().Set("ETag", v.etag)
}
