package main

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"regexp"
	"runtime"
	"strings"
	"time"
)

const bodyLimit = 16 << 10

var titles = map[int]string{
	400: "Bad Request",
	404: "Not Found",
	409: "Conflict",
	413: "Payload Too Large",
	415: "Unsupported Media Type",
}

// A problem is an error that the client may see, sent as RFC 9457 problem details.
type problem struct {
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Errors []fieldError `json:"errors,omitempty"`
}

func (p *problem) Error() string { return p.Detail }

func refuse(status int, format string, values ...any) *problem {
	return &problem{titles[status], status, fmt.Sprintf(format, values...), nil}
}

type api struct {
	log     *slog.Logger
	store   *store
	started time.Time
}

func newAPI(log *slog.Logger) *api {
	return &api{log: log, store: newStore(), started: time.Now()}
}

type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

var requestID = regexp.MustCompile(`^[\w.-]{1,64}$`)

// ServeHTTP answers one request and logs one line for it.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begun := time.Now()
	id := r.Header.Get("X-Request-Id")
	if !requestID.MatchString(id) {
		id = rand.Text()
	}
	w.Header().Set("X-Request-Id", id)
	w.Header().Set("X-Content-Type-Options", "nosniff")
	seen := &recorder{w, http.StatusOK}
	if err := a.route(seen, r); err != nil {
		send(seen, err.Status, "application/problem+json", err)
	}
	a.log.Info("request completed", "requestId", id, "method", r.Method, "path", r.URL.Path,
		"status", seen.status, "durationMs", time.Since(begun).Milliseconds())
}

func (a *api) route(w http.ResponseWriter, r *http.Request) *problem {
	id, one := strings.CutPrefix(r.URL.Path, "/shipments/")
	one = one && id != "" && !strings.Contains(id, "/")
	switch {
	case r.URL.Path == "/healthz" && r.Method == "GET":
		return a.health(w)
	case r.URL.Path == "/shipments" && r.Method == "GET":
		return a.list(w, r)
	case r.URL.Path == "/shipments" && r.Method == "POST":
		return a.create(w, r)
	case one && r.Method == "GET":
		return a.show(w, id)
	case one && r.Method == "PATCH":
		return a.change(w, r, id)
	case one && r.Method == "DELETE":
		return a.remove(w, id)
	}
	return refuse(404, "No route for %s %s.", r.Method, r.URL.Path)
}

func (a *api) health(w http.ResponseWriter) *problem {
	send(w, 200, "application/json", map[string]any{
		"status":        "ok",
		"version":       version,
		"uptimeSeconds": int(time.Since(a.started).Seconds()),
		"go":            runtime.Version(),
	})
	return nil
}

func (a *api) list(w http.ResponseWriter, r *http.Request) *problem {
	query, errors := readQuery(r.URL.Query())
	if errors != nil {
		return invalid("query", errors)
	}
	send(w, 200, "application/json", a.store.list(query))
	return nil
}

func (a *api) create(w http.ResponseWriter, r *http.Request) *problem {
	body, refused := readJSON(r)
	if refused != nil {
		return refused
	}
	fields, errors := newShipment.check(body)
	if errors != nil {
		return invalid("body", errors)
	}
	created := a.store.create(fields)
	w.Header().Set("Location", "/shipments/"+created.ID)
	send(w, 201, "application/json", created)
	return nil
}

func (a *api) show(w http.ResponseWriter, id string) *problem {
	found, there := a.store.get(id)
	if !there {
		return refuse(404, "No shipment has the id %s.", id)
	}
	send(w, 200, "application/json", found)
	return nil
}

func (a *api) change(w http.ResponseWriter, r *http.Request, id string) *problem {
	body, refused := readJSON(r)
	if refused != nil {
		return refused
	}
	found, there := a.store.get(id)
	if !there {
		return refuse(404, "No shipment has the id %s.", id)
	}
	fields, errors := shipmentChanges.check(body)
	if errors != nil {
		return invalid("body", errors)
	}
	if next, given := fields["status"].(string); given && !canMove(found.Status, next) {
		return refuse(409, "A shipment cannot go from %s to %s.", found.Status, next)
	}
	send(w, 200, "application/json", a.store.update(found, fields))
	return nil
}

func (a *api) remove(w http.ResponseWriter, id string) *problem {
	if !a.store.remove(id) {
		return refuse(404, "No shipment has the id %s.", id)
	}
	w.WriteHeader(204)
	return nil
}

func invalid(what string, errors []fieldError) *problem {
	refused := refuse(400, "The request %s is not valid.", what)
	refused.Errors = errors
	return refused
}

// readJSON returns the body of a request, nil when it has none.
func readJSON(r *http.Request) (any, *problem) {
	if r.ContentLength == 0 {
		return nil, nil
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind != "application/json" {
		return nil, refuse(415, "The request body must be application/json.")
	}
	text, err := io.ReadAll(io.LimitReader(r.Body, bodyLimit+1))
	if err == nil && len(text) > bodyLimit {
		return nil, refuse(413, "The request body is too large.")
	}
	var body any
	if start := bytes.TrimLeft(text, " \t\r\n"); err != nil || len(start) == 0 || !strings.ContainsRune("{[", rune(start[0])) ||
		json.Unmarshal(text, &body) != nil {
		return nil, refuse(400, "The request body is not valid JSON.")
	}
	return body, nil
}

func send(w http.ResponseWriter, status int, kind string, body any) {
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away needs no answer
}
