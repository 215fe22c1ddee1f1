package demo

import (
	"encoding/json"
	"net/http"
	"sync/atomic"
)

// CRM is the stand-in for the business system that a provider's rule asks. It
// answers GET /customers/{key}, the key being a user's sub or email, with
// {"crm_id":"42"}, or 404. While it is down it answers everything with 503.
type CRM struct {
	customers map[string]string
	down      atomic.Bool
	requests  atomic.Uint64
	mux       *http.ServeMux
}

// NewCRM returns a CRM that knows the monitoring user as CRMID, and is up.
func NewCRM() *CRM {
	c := &CRM{
		customers: map[string]string{Subject: CRMID, Username: CRMID},
		mux:       http.NewServeMux(),
	}
	c.mux.HandleFunc("GET /customers/{key}", c.customer)
	return c
}

// SetDown takes the CRM down or up again.
func (c *CRM) SetDown(down bool) { c.down.Store(down) }

// Requests is the number of requests received so far, those refused included.
func (c *CRM) Requests() uint64 { return c.requests.Load() }

// ServeHTTP implements [http.Handler].
func (c *CRM) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.requests.Add(1)
	if c.down.Load() {
		http.Error(w, "CRM is down", http.StatusServiceUnavailable)
		return
	}
	c.mux.ServeHTTP(w, r)
}

func (c *CRM) customer(w http.ResponseWriter, r *http.Request) {
	id, ok := c.customers[r.PathValue("key")]
	if !ok {
		http.Error(w, "no such customer", http.StatusNotFound)
		return
	}
	writeJSON(w, http.StatusOK, customer{CRMID: id})
}

// customer is the CRM's answer.
type customer struct {
	CRMID string `json:"crm_id"`
}

// writeJSON answers with a value that always marshals. The client being gone is no error of ours.
func writeJSON(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(value)
}
