package login

// Document is what a discovery document says, for kinds of probe that look at
// it without signing in.
type Document struct {
	JWKSURI string
	// SigningAlgorithms are those that ID tokens may be signed by.
	SigningAlgorithms []string
	// Digest stands for the content, as in probes.Facts.
	Digest string
}

// ReadDocument reads a discovery document and checks it for the issuer and for
// what a flow needs (OpenID Connect Discovery 1.0, 3 and 4.3). The digest is
// there even with an error.
func ReadDocument(content []byte, issuer, flow string) (Document, error) {
	d := Document{Digest: digest(content)}
	m, err := parseMetadata(content, issuer, flow)
	if err != nil {
		return d, err
	}
	d.JWKSURI, d.SigningAlgorithms = m.JWKSURI, m.SigningAlgorithms
	return d, nil
}
