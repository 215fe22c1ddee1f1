// Package dial has what the probe kinds that speak to one server each have in
// common: where to connect (a node in place of the public host, a choice of
// IPv4 or IPv6, a proxy on the way), connections that read no more than they
// should for no longer than the run lasts, TLS with the dates of the chain on
// record, and failures with the reason that fits.
//
// It speaks no protocol beyond those of proxies; each kind speaks its own.
package dial
