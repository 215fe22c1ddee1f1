package demo

import (
	"errors"
	"net/http"
	"sync/atomic"
)

// Why a password does not let a user in.
var (
	errWrongPassword = errors.New("wrong user name or password")
	errDirectoryDown = errors.New("the user directory does not answer")
)

// Directory is the stand-in for the user directory, such as an LDAP server, in
// which the nodes of a provider look up who signs in. While it is down nobody
// can: the token endpoint and the login page answer 503. It is an [http.Handler]
// too, that tells its health: 200, or 503 while it is down.
type Directory struct {
	users map[string]*user
	down  atomic.Bool
}

func newDirectory() *Directory { return &Directory{users: demoUsers()} }

// SetDown takes the directory down or up again, for all nodes at once.
func (d *Directory) SetDown(down bool) { d.down.Store(down) }

// ServeHTTP implements [http.Handler].
func (d *Directory) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	if d.down.Load() {
		http.Error(w, "the user directory is down", http.StatusServiceUnavailable)
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "up"})
}

// find returns the user of a name, nil if there is none.
func (d *Directory) find(username string) (*user, error) {
	if d.down.Load() {
		return nil, errDirectoryDown
	}
	return d.users[username], nil
}
