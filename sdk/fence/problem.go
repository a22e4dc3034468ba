package fence

import (
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/lockkeeper/lockkeeper/sdk"
)

// problemURN begins the type of every problem, as at the service's own door; its code follows.
const problemURN = "urn:lockkeeper:problem:"

// fixHeader is what to do about a header that is missing or wrong.
const fixHeader = "take the lock, and send the token of the hold in the header " + Header + ", in decimal digits"

// A problem is the answer to a request that was refused. Its fields are those of the service's own
// problems.
type problem struct {
	Type    string    `json:"type"`
	Title   string    `json:"title"`
	Status  int       `json:"status"`
	Code    string    `json:"code"`
	Detail  string    `json:"detail"`
	Field   string    `json:"field,omitempty"`
	Fix     string    `json:"fix,omitempty"`
	Name    string    `json:"name,omitempty"`
	Token   sdk.Token `json:"token,omitempty"`
	Highest sdk.Token `json:"highest,omitempty"`
}

func tokenRequired() *problem {
	return &problem{
		Status: http.StatusPreconditionRequired, Code: "token_required", Title: "A fencing token is required",
		Detail: "the header " + Header + " is missing", Field: Header, Fix: fixHeader,
	}
}

func badHeader(what string) *problem {
	return &problem{
		Status: http.StatusBadRequest, Code: "bad_request", Title: "The request is not understood",
		Detail: "the header " + Header + " " + what, Field: Header, Fix: fixHeader,
	}
}

func noFence(err error) *problem {
	return &problem{
		Status: http.StatusBadRequest, Code: "bad_request", Title: "The request is not understood",
		Detail: err.Error(),
	}
}

func staleToken(e *StaleError) *problem {
	return &problem{
		Status: http.StatusPreconditionFailed, Code: "stale_token", Title: "The fence has seen a higher token",
		Detail: e.Error(), Field: Header, Fix: "stop: somebody else has held the lock since; take it again and begin anew",
		Name: e.Fence, Token: e.Token, Highest: e.Highest,
	}
}

// uncertain does not say why: the cause is the resource's affair, and in its log.
func uncertain(name string, token sdk.Token) *problem {
	return &problem{
		Status: http.StatusServiceUnavailable, Code: "uncertain", Title: "The token could not be checked",
		Detail: fmt.Sprintf("it is not known whether token %d is stale at fence %q; the request was not passed on", token, name),
		Fix:    "send the same request again", Name: name, Token: token,
	}
}

// write sends the problem. An error of the connection is nobody's: the client is gone.
func (p *problem) write(w http.ResponseWriter) {
	p.Type = problemURN + p.Code
	body, err := json.Marshal(p)
	if err != nil { // of texts and numbers: it cannot be
		http.Error(w, p.Title, p.Status)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	if p.Status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "1")
	}
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n'))
}
