package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Stored is one declared asset that holds data, as a backup sees it.
type Stored struct {
	Kind    string `json:"kind"`
	Account string `json:"account"`
	Name    string `json:"name"`
	// Stream is what it is called in the JetStream API.
	Stream   string `json:"stream"`
	Messages uint64 `json:"messages"`
	Bytes    uint64 `json:"bytes"`
	// LastSeq is how many messages it has ever had.
	LastSeq uint64 `json:"last_seq"`
	// Excluded is why it cannot be in a backup; empty when it can.
	Excluded string `json:"excluded"`
}

// Head is what a snapshot begins with: the configuration and the state of the stream, as nats-server words them.
type Head struct {
	Config json.RawMessage `json:"config"`
	State  json.RawMessage `json:"state"`
}

// resultTrailer is the last that is said about a snapshot: "complete", or what went wrong on the way.
const (
	resultTrailer  = "Unibus-Result"
	resultComplete = "complete"
)

func (h Handler) backupRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /api/v1/stored", func(w http.ResponseWriter, r *http.Request) {
		all, err := h.Stored(r.Context())
		if err != nil {
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		reply(w, all)
	})
	mux.HandleFunc("GET /api/v1/snapshot", h.snapshot)
	mux.HandleFunc("POST /api/v1/restore", h.restore)
}

// snapshot writes the head in a line, and then the bytes as nats-server sends them.
func (h Handler) snapshot(w http.ResponseWriter, r *http.Request) {
	unlimited(w)
	q, begun := r.URL.Query(), false
	w.Header().Set("Trailer", resultTrailer)
	err := h.Snapshot(r.Context(), q.Get("account"), q.Get("stream"), w, func(head Head) error {
		begun = true
		return json.NewEncoder(w).Encode(head)
	})
	switch {
	case err == nil:
		w.Header().Set(resultTrailer, resultComplete)
	case begun:
		w.Header().Set(resultTrailer, err.Error())
	default:
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
	}
}

func (h Handler) restore(w http.ResponseWriter, r *http.Request) {
	unlimited(w)
	q, body := r.URL.Query(), bufio.NewReader(r.Body)
	var head Head
	line, err := body.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &head)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	restored, err := h.Restore(r.Context(), q.Get("account"), q.Get("stream"), head, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnprocessableEntity)
		return
	}
	reply(w, restored)
}

// unlimited takes the limits of time off a request that carries a whole stream.
func unlimited(w http.ResponseWriter) {
	c := http.NewResponseController(w)
	_ = c.SetReadDeadline(time.Time{}) // it was another kind of connection, then
	_ = c.SetWriteDeadline(time.Time{})
}

// Stored are the declared assets that hold data.
func (c *Client) Stored(ctx context.Context) ([]Stored, error) {
	var all []Stored
	return all, c.do(ctx, http.MethodGet, "/api/v1/stored", nil, &all)
}

// Snapshot writes the data of a stream to w as it comes, and returns its head. Without an error it is whole.
func (c *Client) Snapshot(ctx context.Context, account, stream string, w io.Writer) (Head, error) {
	var head Head
	resp, err := c.transfer(ctx, http.MethodGet, "/api/v1/snapshot", account, stream, nil)
	if err != nil {
		return head, err
	}
	defer resp.Body.Close()
	body := bufio.NewReader(resp.Body)
	line, err := body.ReadBytes('\n')
	if err == nil {
		err = json.Unmarshal(line, &head)
	}
	if err == nil {
		_, err = io.Copy(w, body)
	}
	if err != nil {
		return head, fmt.Errorf("the daemon broke off: %w", err)
	}
	if result := resp.Trailer.Get(resultTrailer); result != resultComplete {
		return head, errors.New(result)
	}
	return head, nil
}

// Restore makes a stream of a head and the data behind it, and returns what it then holds.
func (c *Client) Restore(ctx context.Context, account, stream string, head Head, data io.Reader) (Stored, error) {
	var s Stored
	pr, pw := io.Pipe()
	go func() {
		err := json.NewEncoder(pw).Encode(head)
		if err == nil {
			_, err = io.Copy(pw, data)
		}
		pw.CloseWithError(err)
	}()
	defer pr.Close() // which ends the goroutine
	resp, err := c.transfer(ctx, http.MethodPost, "/api/v1/restore", account, stream, pr)
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	return s, json.NewDecoder(resp.Body).Decode(&s)
}

// transfer is a request that carries a stream, one way or the other.
func (c *Client) transfer(ctx context.Context, method, path, account, stream string, body io.Reader) (*http.Response, error) {
	u := "http://unibus" + path + "?" + url.Values{"account": {account}, "stream": {stream}}.Encode()
	req, err := http.NewRequestWithContext(ctx, method, u, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, errors.Unwrap(err) // without the made-up URL
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10))
	return nil, errors.New(string(bytes.TrimSpace(text)))
}
