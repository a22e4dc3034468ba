package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

// readBody reads the request's body into c.body. A body that is too large is refused before
// it is read, and the connection closed: it cannot be used for another request.
func (c *call) readBody() error {
	c.body = c.body[:0]
	if c.r.Body == nil || c.r.Body == http.NoBody {
		return nil
	}
	limit := c.api.limits.MaxBodyBytes
	if c.route.raw {
		limit = c.api.limits.MaxValueBytes
	}
	if c.r.ContentLength > int64(limit) {
		c.w.Header().Set("Connection", "close")
		return errBodyTooLarge
	}
	for {
		if len(c.body) == cap(c.body) {
			c.body = append(c.body, make([]byte, max(512, len(c.body)))...)[:len(c.body)]
		}
		n, err := c.r.Body.Read(c.body[len(c.body):min(cap(c.body), limit+1)])
		c.body = c.body[:len(c.body)+n]
		if len(c.body) > limit {
			c.w.Header().Set("Connection", "close")
			return errBodyTooLarge
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			c.w.Header().Set("Connection", "close")
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return errBodyTimeout
			}
			return badInput("body", "did not arrive completely", "send as many bytes as the header says")
		}
	}
	// The time to read was the request's; what follows has limits of its own. A body that has
	// come at once leaves more time to read than the work may take: see Limits.Validate.
	l := &c.api.limits
	if time.Since(c.begun) > l.ReadTimeout-l.HeaderTimeout-l.RequestTimeout {
		_ = c.control().SetReadDeadline(time.Time{})
	}
	if len(c.body) == 0 || c.route.raw {
		return nil
	}
	return checkMediaType(c.r.Header.Get("Content-Type"))
}

// checkMediaType lets JSON pass, and what curl -d says when nobody told it otherwise: the body
// must be JSON all the same.
func checkMediaType(header string) error {
	switch header {
	case "", "application/json", "application/x-www-form-urlencoded":
		return nil
	}
	media, _, err := mime.ParseMediaType(header)
	if err != nil {
		return errMediaType
	}
	if media == "application/json" || media == "application/x-www-form-urlencoded" || strings.HasSuffix(media, "+json") {
		return nil
	}
	return errMediaType
}

// eachField calls set for the fields of the JSON object in body, in their order. A field that
// stands there twice is an error. raw is valid JSON without space around it.
func eachField(body []byte, set func(key string, raw []byte) error) error {
	if !json.Valid(body) {
		var v json.RawMessage
		return badInput("body", fmt.Sprintf("is not JSON: %v", json.Unmarshal(body, &v)), "send one JSON object, or nothing for the defaults")
	}
	rest := bytes.TrimLeft(body, jsonSpace)
	if rest[0] != '{' {
		return badInput("body", "is not a JSON object", `send an object such as {"ttl": "30s"}, or nothing for the defaults`)
	}
	// From here on every token is known to be well formed; only its end is looked for.
	rest = bytes.TrimLeft(rest[1:], jsonSpace)
	for rest[0] != '}' {
		end := valueEnd(rest)
		key, err := jsonText(rest[:end])
		if err != nil {
			return err
		}
		rest = bytes.TrimLeft(rest[end:], jsonSpace)
		rest = bytes.TrimLeft(rest[1:], jsonSpace) // the colon
		end = valueEnd(rest)
		if err := set(key, rest[:end]); err != nil {
			return err
		}
		rest = bytes.TrimLeft(rest[end:], jsonSpace)
		if rest[0] == ',' {
			rest = bytes.TrimLeft(rest[1:], jsonSpace)
		}
	}
	return nil
}

const jsonSpace = " \t\r\n"

// valueEnd returns where the value at the beginning of valid JSON ends.
func valueEnd(b []byte) int {
	depth := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
			if depth == 0 {
				return i + 1
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i // a number or word that its object or array ends
			}
			if depth--; depth == 0 {
				return i + 1
			}
		case ',', ' ', '\t', '\r', '\n':
			if depth == 0 {
				return i
			}
		}
	}
	return len(b)
}

// jsonText returns the text of a JSON string.
func jsonText(raw []byte) (string, error) {
	if inner := raw[1 : len(raw)-1]; bytes.IndexByte(inner, '\\') < 0 && utf8.Valid(inner) {
		return string(inner), nil
	}
	var text string
	if err := json.Unmarshal(raw, &text); err != nil {
		return "", badInput("body", err.Error(), "send strings in double quotes")
	}
	return text, nil
}
