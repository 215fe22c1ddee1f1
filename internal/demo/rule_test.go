package demo

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/oauth2"
)

func TestRuleTurnsAway(t *testing.T) {
	t.Parallel()
	r := started(t, StartOptions{})
	rp := newRelyingParty(t, r, ClientID)
	refused := func(username, password, description string) {
		t.Helper()
		byGrant := passwordLogin(t, r, "username", username, "password", password)
		require.Equal(t, http.StatusForbidden, byGrant.status)
		require.Equal(t, "access_denied", byGrant.body["error"])
		require.Equal(t, description, byGrant.body["error_description"])
		byCode := rp.authorizeWith(oauth2.GenerateVerifier(), username, password)
		require.Equal(t, "access_denied", byCode.Get("error"))
		require.Equal(t, description, byCode.Get("error_description"))
		require.Equal(t, testState, byCode.Get("state"))
		require.Empty(t, byCode.Get("code"))
	}
	const noCRM = "rule crm-lookup failed: CRM unavailable"
	refused(BlockedUsername, BlockedPassword, "account is suspended")
	require.NoError(t, r.Provider.Set(SwitchCRMDown, true))
	refused(Username, Password, noCRM)
	refused(BlockedUsername, BlockedPassword, "account is suspended")
	require.NoError(t, r.Provider.Set(SwitchCRMDown, false))
	require.NotEmpty(t, rp.authorizeWith(oauth2.GenerateVerifier(), Username, Password).Get("code"))
	require.Empty(t, r.Provider.Stats().RefusedPasswords, "the passwords were good")
	require.Equal(t, uint64(1), r.Provider.Stats().SignIns)
}

func TestRuleAndBadCRM(t *testing.T) {
	t.Parallel()
	for name, h := range map[string]http.HandlerFunc{
		"hangs":     func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"no JSON":   func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"no number": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{}`)) },
		"huge": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(strings.Repeat(" ", 1<<20) + `{"crm_id":"42"}`))
		},
		"redirects": func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/customers/") {
				http.Redirect(w, r, "/elsewhere", http.StatusFound)
				return
			}
			_, _ = w.Write([]byte(`{"crm_id":"42"}`))
		},
		"not found":  http.NotFound,
		"disconnect": func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			crm := httptest.NewServer(h)
			defer crm.Close()
			p, err := NewProvider(Options{Issuer: "http://127.0.0.1:1", SigningAlg: "EdDSA", CRMURL: crm.URL + "/"})
			require.NoError(t, err)
			_, err = p.runRule(t.Context(), p.directory.users[Username])
			require.ErrorContains(t, err, "rule crm-lookup failed: CRM unavailable")
		})
	}
}

func TestCRM(t *testing.T) {
	t.Parallel()
	crm := NewCRM()
	ask := func(path string) (int, string) {
		w := httptest.NewRecorder()
		crm.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		return w.Code, strings.TrimSpace(w.Body.String())
	}
	for _, key := range []string{Subject, Username} {
		code, body := ask("/customers/" + key)
		require.Equal(t, http.StatusOK, code)
		require.JSONEq(t, `{"crm_id":"42"}`, body)
	}
	code, _ := ask("/customers/nobody")
	require.Equal(t, http.StatusNotFound, code)
	crm.SetDown(true)
	code, _ = ask("/customers/" + Subject)
	require.Equal(t, http.StatusServiceUnavailable, code)
	crm.SetDown(false)
	code, _ = ask("/customers/" + Subject)
	require.Equal(t, http.StatusOK, code)
	require.Equal(t, uint64(5), crm.Requests())
}
