package demo

import (
	"time"
)

// Fault is a way in which an issued token is hostile or damaged. Faults are for
// tests of whoever verifies tokens; the demo itself never sets one. Except for
// the one thing that its fault names, a token stays as it should be.
type Fault string

// The faults, see [Provider.SetIDTokenFault] and [Provider.SetAccessTokenFault].
const (
	// FaultNone is a good token.
	FaultNone Fault = ""
	// FaultAlgNone is an unsecured token (RFC 7519 section 6).
	FaultAlgNone Fault = "alg-none"
	// FaultHS256PublicKey is signed by HMAC, with the PEM of the public key as secret.
	FaultHS256PublicKey Fault = "hs256-with-public-key"
	// FaultForeignKey is signed by another key than the one its kid names.
	FaultForeignKey Fault = "foreign-key-same-kid"
	// FaultBadSignature has its payload changed after signing.
	FaultBadSignature Fault = "bad-signature"
	// FaultNoKeyID names no key in its header; the signature is good.
	FaultNoKeyID Fault = "no-kid"
	// FaultExpired expired an hour ago.
	FaultExpired Fault = "expired"
	// FaultNoExpiry has no exp.
	FaultNoExpiry Fault = "no-exp"
	// FaultIssuedInFuture was issued in an hour.
	FaultIssuedInFuture Fault = "issued-in-future"
	// FaultNotYetValid has an nbf in an hour.
	FaultNotYetValid Fault = "not-yet-valid"
	// FaultWrongIssuer was issued by another provider.
	FaultWrongIssuer Fault = "wrong-issuer"
	// FaultWrongAudience is for OtherClientID; azp stays.
	FaultWrongAudience Fault = "wrong-audience"
	// FaultExtraAudience is for the right audience and OtherClientID, with azp OtherClientID.
	FaultExtraAudience Fault = "extra-audience"
	// FaultWrongAuthorizedParty has OtherClientID as azp.
	FaultWrongAuthorizedParty Fault = "wrong-azp"
	// FaultWrongSubject is about somebody else than userinfo is.
	FaultWrongSubject Fault = "wrong-subject"
	// FaultNoSubject is about nobody.
	FaultNoSubject Fault = "no-subject"
	// FaultWrongNonce has another nonce than the request.
	FaultWrongNonce Fault = "wrong-nonce"
	// FaultNoNonce has no nonce.
	FaultNoNonce Fault = "no-nonce"
	// FaultBadAtHash has the at_hash of another access token.
	FaultBadAtHash Fault = "bad-at-hash"
	// FaultNoAtHash has no at_hash.
	FaultNoAtHash Fault = "no-at-hash"
)

// Faults returns all faults but FaultNone.
func Faults() []Fault {
	return []Fault{
		FaultAlgNone, FaultHS256PublicKey, FaultForeignKey, FaultBadSignature, FaultNoKeyID,
		FaultExpired, FaultNoExpiry, FaultIssuedInFuture, FaultNotYetValid,
		FaultWrongIssuer, FaultWrongAudience, FaultExtraAudience, FaultWrongAuthorizedParty,
		FaultWrongSubject, FaultNoSubject, FaultWrongNonce, FaultNoNonce, FaultBadAtHash, FaultNoAtHash,
	}
}

// edit changes claims as the fault wants. Faults of the signature leave them alone.
func (f Fault) edit(claims map[string]any, now time.Time) {
	const hour = int64(time.Hour / time.Second)
	unix := now.Unix()
	switch f {
	case FaultExpired:
		claims["iat"], claims["nbf"], claims["exp"] = unix-2*hour, unix-2*hour, unix-hour
	case FaultNoExpiry:
		delete(claims, "exp")
	case FaultIssuedInFuture:
		delete(claims, "nbf")
		claims["iat"], claims["exp"] = unix+hour, unix+2*hour
	case FaultNotYetValid:
		claims["nbf"], claims["exp"] = unix+hour, unix+2*hour
	case FaultWrongIssuer:
		claims["iss"] = "https://another-issuer.example"
	case FaultWrongAudience:
		claims["aud"] = []string{OtherClientID}
	case FaultExtraAudience:
		aud, _ := claims["aud"].([]any)
		claims["aud"], claims["azp"] = append(aud, OtherClientID), OtherClientID
	case FaultWrongAuthorizedParty:
		claims["azp"] = OtherClientID
	case FaultWrongSubject:
		claims["sub"] = "somebody-else"
	case FaultNoSubject:
		delete(claims, "sub")
	case FaultWrongNonce:
		claims["nonce"] = "another-nonce"
	case FaultNoNonce:
		delete(claims, "nonce")
	case FaultBadAtHash:
		claims["at_hash"] = "AAAAAAAAAAAAAAAAAAAAAA"
	case FaultNoAtHash:
		delete(claims, "at_hash")
	}
}
