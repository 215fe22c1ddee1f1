package web

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
)

const (
	typeText   = "text/plain; charset=utf-8"
	typeJSON   = "application/json"
	typeHealth = "application/health+json"
)

// fixed are header values that every answer shares; nothing changes them.
type fixed struct{ text, noSniff, noStore []string }

func newFixed() fixed {
	return fixed{text: []string{typeText}, noSniff: []string{"nosniff"}, noStore: []string{"no-store"}}
}

// set sets what every answer carries.
func (f *fixed) set(h http.Header) {
	h["X-Content-Type-Options"] = f.noSniff
	h["Cache-Control"] = f.noStore
}

// setPolicy keeps a browser from doing anything with an answer but showing it.
// What the web configuration file has set stays.
func setPolicy(h http.Header, policy string) {
	setDefault(h, "Content-Security-Policy", policy)
	setDefault(h, "X-Frame-Options", "deny")
	setDefault(h, "Referrer-Policy", "no-referrer")
}

// noPolicy allows nothing at all: for answers that are not pages.
const noPolicy = "default-src 'none'; frame-ancestors 'none'"

func setDefault(h http.Header, key, value string) {
	if _, set := h[key]; !set {
		h[key] = []string{value}
	}
}

func writeText(w http.ResponseWriter, code int, text string) {
	setPolicy(w.Header(), noPolicy)
	w.Header().Set("Content-Type", typeText)
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(code)
	_, _ = io.WriteString(w, text)
}

func writeJSON(w http.ResponseWriter, code int, contentType string, v any) {
	setPolicy(w.Header(), noPolicy)
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		refuse(w, http.StatusInternalServerError, "internal error")
		return
	}
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)+1))
	w.WriteHeader(code)
	_, _ = w.Write(append(body, '\n'))
}
